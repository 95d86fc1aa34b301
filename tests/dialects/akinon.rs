//! Akinon AppMaker's scripts, run here.
