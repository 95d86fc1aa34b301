//! One life of a token, lived through each API, and each token used through every other.
