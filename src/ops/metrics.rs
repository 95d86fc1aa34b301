//! What a monitoring system scrapes, in the text format of Prometheus (version 0.0.4).
//!
//! Whoever knows a number hands in how to read it; it is read when somebody scrapes. Names and labels are fixed in the
//! code, so that no series can appear that wasn't there from the start.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text},
    metrics::MetricType,
    registry::Registry,
};

/// The format's media type.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the process ends; its name ends in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One number of a metric: its labels, and how it is read.
pub struct Series {
    labels: Vec<(&'static str, &'static str)>,
    read: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl Series {
    /// A number with these labels.
    pub fn new(
        labels: &[(&'static str, &'static str)],
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        Self { labels: labels.to_vec(), read: Box::new(read) }
    }
}

struct Metric {
    kind: Kind,
    name: &'static str,
    help: &'static str,
    series: Vec<Series>,
}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Collector for Metric {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        for Series { labels, read } in &self.series {
            // A counter too: the library gives its samples another name than its type, which is OpenMetrics' way alone.
            metric.encode_family(labels)?.encode_gauge(&read())?;
        }
        Ok(())
    }
}

/// Every metric there is.
#[derive(Debug, Default)]
pub struct Metrics(Registry);

impl Metrics {
    /// The one that says which jeton this is.
    pub fn new() -> Self {
        let version = Series::new(&[("version", env!("CARGO_PKG_VERSION"))], || 1);
        Self::default().with(Kind::Gauge, "jeton_build_info", "Which jeton this is.", vec![version])
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, kind: Kind, name: &'static str, help: &'static str, series: Vec<Series>) -> Self {
        self.0.register_collector(Box::new(Metric { kind, name, help, series }));
        self
    }

    /// All of them as they are now.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode_registry(&mut page, &self.0)?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    use super::{Kind, Metrics, Series};

    #[test]
    fn a_page_is_read_when_it_is_asked_for() {
        let number = Arc::new(AtomicI64::new(3));
        let series = ["a", "b"].map(|action| {
            let number = Arc::clone(&number);
            Series::new(&[("action", action)], move || number.fetch_add(1, Ordering::SeqCst))
        });
        let metrics = Metrics::new().with(Kind::Counter, "jeton_x_total", "How many.", series.into());
        let version = env!("CARGO_PKG_VERSION");
        let page = |first, second| {
            format!(
                "# HELP jeton_build_info Which jeton this is.\n# TYPE jeton_build_info gauge\n\
                 jeton_build_info{{version=\"{version}\"}} 1\n\
                 # HELP jeton_x_total How many.\n# TYPE jeton_x_total counter\n\
                 jeton_x_total{{action=\"a\"}} {first}\njeton_x_total{{action=\"b\"}} {second}\n"
            )
        };
        assert_eq!(metrics.render().unwrap(), page(3, 4));
        assert_eq!(metrics.render().unwrap(), page(5, 6));
    }
}
