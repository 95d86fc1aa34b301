//! TBD for now: filters.
