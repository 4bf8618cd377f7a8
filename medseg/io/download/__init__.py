"""Files from servers: resumed, checked, unpacked without trusting them."""
