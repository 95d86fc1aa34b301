//! Each dialect can be switched off, and taken out of the tree.
