//! TBD for now: pages.
