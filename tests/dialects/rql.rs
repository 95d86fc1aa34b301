//! SoftwareONE's query language, over real lists.
