//! TBD for now: credentials.
