#!/bin/bash
# A dask cluster on machines that are reached by ssh without a password, one worker for
# each GPU, and a cohort on it. All machines see the same folders and have medseg at the
# same place.
#
#   bash dask-ssh.sh hosts.txt 2 cases.csv MODEL night
#
# hosts.txt names a machine a line; 2 is the number of GPUs of each.

set -eu
hosts=$1 gpus=$2 cases=$3 model=$4 out=$5
scheduler=tcp://$(hostname):8786
bin=$(dirname "$(command -v medseg)")

started=()
end() { kill "${started[@]}" 2>/dev/null || true; }
trap end EXIT

"$bin/dask" scheduler --port 8786 --no-dashboard &
started+=($!)
while read -r host <&3; do
  for ((gpu = 0; gpu < gpus; gpu++)); do
    # -tt ends the worker with the connection
    ssh -tt "$host" "cd '$PWD' && CUDA_VISIBLE_DEVICES=$gpu '$bin/dask' worker $scheduler \
      --nworkers 1 --nthreads 2 --resources GPU=1 --no-dashboard" </dev/null &
    started+=($!)
  done
done 3<"$hosts"

"$bin/medseg" cohort run "$cases" \
  --model "$model" \
  --out "$out" \
  --executor dask \
  --scheduler "$scheduler" \
  --resource GPU=1
