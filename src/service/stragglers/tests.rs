//! Who is told to be left.
