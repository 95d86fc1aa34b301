//! SoftwareONE's clients, run here.
