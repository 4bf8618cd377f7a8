// The passes of `passes.py`, each of which goes through memory once.
//
// Features are rows of voxels in bfloat16, with a multiple of 16 channels; all else is
// computed in 32 bits. Vectors are those that GCC and Clang have for any processor.

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace {

constexpr int64_t WIDTH = 16;  // channels at a time
constexpr int64_t CHUNK = 64;  // rows at a time: they stay in the caches

typedef float Floats __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t Words __attribute__((vector_size(4 * WIDTH)));
typedef int32_t Integers __attribute__((vector_size(4 * WIDTH)));
typedef uint16_t Halves __attribute__((vector_size(2 * WIDTH)));
typedef uint8_t Bytes __attribute__((vector_size(WIDTH)));

template <typename Vector, typename Number>
inline Vector at(const Number *from) {
    Vector vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

template <typename Vector, typename Number>
inline void put(Number *to, Vector vector) {
    std::memcpy(to, &vector, sizeof vector);
}

inline Floats all(float number) { return number - Floats{}; }

inline Floats widened(Halves halves) {
    return (Floats)(__builtin_convertvector(halves, Words) << 16);
}

inline Halves rounded(Floats numbers) {  // half to even
    const Words words = (Words)numbers;
    return __builtin_convertvector((words + 0x7fff + ((words >> 16) & 1)) >> 16, Halves);
}

inline Floats features_at(const uint16_t *from) { return widened(at<Halves>(from)); }

// Of each channel of some rows, sums those of differences from a value of that channel.
struct Sums {
    std::vector<double> sum, square;
    std::vector<float> lowest, highest;

    explicit Sums(int64_t channels)
        : sum(channels),
          square(channels),
          lowest(channels, std::numeric_limits<float>::infinity()),
          highest(channels, -std::numeric_limits<float>::infinity()) {}

    template <typename Value>
    void take(int64_t start, int64_t stop, const float *shift, Value value_at) {
        const int64_t channels = sum.size();
        for (int64_t c = 0; c < channels; c += WIDTH) {
            const Floats from = at<Floats>(shift + c);
            Floats low = at<Floats>(&lowest[c]), high = at<Floats>(&highest[c]);
            Floats sums = {}, squares = {};
            for (int64_t row = start; row < stop; ++row) {
                const Floats value = value_at(row * channels + c);
                const Floats difference = value - from;
                sums += difference;
                squares += difference * difference;
                low = value < low ? value : low;
                high = value > high ? value : high;
            }
            put(&lowest[c], low);
            put(&highest[c], high);
            for (int64_t lane = 0; lane < WIDTH; ++lane) {
                sum[c + lane] += sums[lane];
                square[c + lane] += squares[lane];
            }
        }
    }

    void take(const Sums &other) {
        for (size_t c = 0; c < sum.size(); ++c) {
            sum[c] += other.sum[c];
            square[c] += other.square[c];
            if (other.lowest[c] < lowest[c]) lowest[c] = other.lowest[c];
            if (other.highest[c] > highest[c]) highest[c] = other.highest[c];
        }
    }
};

// Chunks of rows: which thread, from, to. A thread has the same ones at every call.
template <typename Chunk>
void in_chunks(int64_t rows, int threads, Chunk chunk) {
    const int64_t chunks = (rows + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int thread = 0; thread < threads; ++thread) {
        const int64_t last = chunks * (thread + 1) / threads;
        for (int64_t each = chunks * thread / threads; each < last; ++each) {
            const int64_t stop = (each + 1) * CHUNK;
            chunk(thread, each * CHUNK, stop < rows ? stop : rows);
        }
    }
}

// Mean, variance, lowest and highest value of each channel, one behind the other.
template <typename Value>
void look(int64_t rows, int64_t channels, int threads, const std::vector<float> &shift,
          float *found, Value value_at) {
    std::vector<Sums> of_threads(threads, Sums(channels));
    in_chunks(rows, threads, [&](int thread, int64_t start, int64_t stop) {
        of_threads[thread].take(start, stop, shift.data(), value_at);
    });
    Sums sums(channels);
    for (const Sums &some : of_threads) sums.take(some);
    for (int64_t c = 0; c < channels; ++c) {
        const double mean = sums.sum[c] / rows;
        const double variance = sums.square[c] / rows - mean * mean;
        found[c] = static_cast<float>(shift[c] + mean);
        found[channels + c] = variance < 0 ? 0 : static_cast<float>(variance);
        found[2 * channels + c] = sums.lowest[c];
        found[3 * channels + c] = sums.highest[c];
    }
}

template <typename Value>
std::vector<float> first_row(int64_t channels, Value value_at) {
    std::vector<float> row(channels);
    for (int64_t c = 0; c < channels; c += WIDTH) put(&row[c], value_at(c));
    return row;
}

// An affine function of each channel and a leaky ReLU; where it is, and what it is.
template <typename Store>
void activate(const uint16_t *features, int64_t rows, int64_t channels, int threads,
              const float *factor, const float *offset, float slope, Store store) {
    in_chunks(rows, threads, [=](int, int64_t start, int64_t stop) {
        for (int64_t c = 0; c < channels; c += WIDTH) {
            const Floats by = at<Floats>(factor + c), plus = at<Floats>(offset + c);
            const Floats below = all(slope);
            for (int64_t row = start; row < stop; ++row) {
                const int64_t place = row * channels + c;
                const Floats value = features_at(features + place) * by + plus;
                store(place, value < 0 ? value * below : value);
            }
        }
    });
}

}  // namespace

extern "C" {

void medseg_found(const uint16_t *slab, int64_t rows, int64_t channels, int threads,
                  float *found) {
    const auto value_at = [=](int64_t place) { return features_at(slab + place); };
    look(rows, channels, threads, first_row(channels, value_at), found, value_at);
}

void medseg_stored(const uint16_t *slab, uint16_t *to, int64_t rows, int64_t channels,
                   int threads, float *found) {
    const auto stored = [=](int64_t place) {
        const Halves halves = at<Halves>(slab + place);
        put(to + place, halves);
        return widened(halves);
    };
    look(rows, channels, threads, first_row(channels, stored), found, stored);
}

void medseg_added(const uint16_t *slab, uint16_t *to, int64_t rows, int64_t channels,
                  int threads, float *found) {
    const auto sum_at = [=](int64_t place) {
        return rounded(features_at(to + place) + features_at(slab + place));
    };
    const auto first = first_row(channels, [=](int64_t c) { return widened(sum_at(c)); });
    look(rows, channels, threads, first, found, [=](int64_t place) {
        const Halves halves = sum_at(place);
        put(to + place, halves);
        return widened(halves);
    });
}

void medseg_activate(uint16_t *features, int64_t rows, int64_t channels, int threads,
                     const float *factor, const float *offset, float slope) {
    activate(features, rows, channels, threads, factor, offset, slope,
             [=](int64_t place, Floats value) { put(features + place, rounded(value)); });
}

void medseg_encode(const uint16_t *features, uint8_t *codes, int64_t rows,
                   int64_t channels, int threads, const float *factor,
                   const float *offset, float slope, float zero, float largest) {
    activate(features, rows, channels, threads, factor, offset, slope,
             [=](int64_t place, Floats value) {
                 const Floats code = value + all(zero + 0.5f);
                 const Floats low = code > 0 ? code : all(0);
                 const Floats both = low < all(largest) ? low : all(largest);
                 const Integers whole = __builtin_convertvector(both, Integers);
                 put(codes + place, __builtin_convertvector(whole, Bytes));
             });
}

}  // extern "C"
