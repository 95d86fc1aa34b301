//! TBD for now: forms.
