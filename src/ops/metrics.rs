//! What a monitoring system scrapes, in the text format of Prometheus (version 0.0.4).
//!
//! Whoever knows a number hands in how to read it; it is read when somebody scrapes. Names and labels are fixed in the
//! code, so that no series can appear that wasn't there from the start.

use std::{collections::HashMap, fmt};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, text},
    metrics::{MetricType, exemplar::Exemplar},
    registry::Registry,
};

use crate::core::histogram::{BOUNDS, Durations};

/// The format's media type.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the process ends; its name ends in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How long things took; its name ends in `_seconds`.
    Histogram,
}

/// One number of a metric: its labels, and how it is read.
pub struct Series {
    labels: Vec<(&'static str, &'static str)>,
    read: Read,
}

enum Read {
    Number(Box<dyn Fn() -> i64 + Send + Sync>),
    Durations(Box<dyn Fn() -> Durations + Send + Sync>),
}

impl Series {
    /// A number with these labels.
    pub fn new(
        labels: &[(&'static str, &'static str)],
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        Self { labels: labels.to_vec(), read: Read::Number(Box::new(read)) }
    }

    /// Durations with these labels, of a histogram.
    pub fn durations(
        labels: &[(&'static str, &'static str)],
        read: impl Fn() -> Durations + Send + Sync + 'static,
    ) -> Self {
        Self { labels: labels.to_vec(), read: Read::Durations(Box::new(read)) }
    }
}

impl Read {
    fn encode(&self, sample: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            // A counter too: the library gives its samples another name than its type, which is OpenMetrics' way alone.
            Self::Number(read) => sample.encode_gauge(&read()),
            Self::Durations(read) => {
                let durations = read();
                let bounds = BOUNDS.into_iter().map(seconds).chain([f64::INFINITY]);
                let buckets: Vec<_> = bounds.zip(durations.counts).collect();
                let none: Option<&Exemplars> = None;
                sample.encode_histogram(seconds(durations.nanos), durations.count(), &buckets, none)
            }
        }
    }
}

/// What the library could show beside a bucket, and we don't.
type Exemplars = HashMap<usize, Exemplar<[(&'static str, &'static str); 0], f64>>;

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
            Kind::Histogram => MetricType::Histogram,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        for Series { labels, read } in &self.series {
            match labels.as_slice() {
                // The library would write empty braces.
                [] => read.encode(&mut metric)?,
                labels => read.encode(&mut metric.encode_family(&labels)?)?,
            }
        }
        Ok(())
    }
}

/// Nanoseconds as Prometheus has them.
fn seconds(nanos: u64) -> f64 {
    std::time::Duration::from_nanos(nanos).as_secs_f64()
}

/// Every metric there is.
#[derive(Debug, Default)]
pub struct Metrics(Registry);

impl Metrics {
    /// The one that says which jeton this is, and which schema it writes.
    pub fn new(schema: &'static str) -> Self {
        let version = Series::new(&[("version", env!("CARGO_PKG_VERSION")), ("schema", schema)], || 1);
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
    use crate::core::histogram::Histogram;

    #[test]
    fn a_page_is_read_when_it_is_asked_for() {
        let number = Arc::new(AtomicI64::new(3));
        let series = ["a", "b"].map(|action| {
            let number = Arc::clone(&number);
            Series::new(&[("action", action)], move || number.fetch_add(1, Ordering::SeqCst))
        });
        let metrics = Metrics::new("7").with(Kind::Counter, "jeton_x_total", "How many.", series.into());
        let version = env!("CARGO_PKG_VERSION");
        let page = |first, second| {
            format!(
                "# HELP jeton_build_info Which jeton this is.\n# TYPE jeton_build_info gauge\n\
                 jeton_build_info{{version=\"{version}\",schema=\"7\"}} 1\n\
                 # HELP jeton_x_total How many.\n# TYPE jeton_x_total counter\n\
                 jeton_x_total{{action=\"a\"}} {first}\njeton_x_total{{action=\"b\"}} {second}\n"
            )
        };
        assert_eq!(metrics.render().unwrap(), page(3, 4));
        assert_eq!(metrics.render().unwrap(), page(5, 6));
    }

    #[test]
    fn a_histogram_adds_up_to_its_count() {
        let histogram = Arc::new(Histogram::default());
        for nanos in [1_000, 20_000, 20_000, 3_000_000_000] {
            histogram.note(std::time::Duration::from_nanos(nanos));
        }
        let series = Series::durations(&[("at", "x")], move || histogram.read());
        let metrics = Metrics::default().with(Kind::Histogram, "jeton_x_seconds", "How long.", vec![series]);
        let page = metrics.render().unwrap();
        for line in [
            "# TYPE jeton_x_seconds histogram",
            r#"jeton_x_seconds_sum{at="x"} 3.000041"#,
            r#"jeton_x_seconds_count{at="x"} 4"#,
            r#"jeton_x_seconds_bucket{le="0.00001",at="x"} 1"#,
            r#"jeton_x_seconds_bucket{le="0.000025",at="x"} 3"#,
            r#"jeton_x_seconds_bucket{le="1.0",at="x"} 3"#,
            r#"jeton_x_seconds_bucket{le="+Inf",at="x"} 4"#,
        ] {
            assert!(page.lines().any(|other| other == line), "{line} in {page}");
        }
    }
}
