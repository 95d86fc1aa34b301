//! Five vendors' scripts run against jeton unchanged.

mod akinon;
mod apart;
mod dataprep;
mod datasentinel;
mod examples;
mod golden;
mod kodexa;
mod query;
mod rql;
mod scenario;
mod softwareone;
