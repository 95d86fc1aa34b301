//! `/metrics`: what a monitoring system scrapes.

use std::sync::{Arc, LazyLock, OnceLock};

use rocket::{State, get};

use super::{Site, reply::Reply};
use crate::{
    core::{
        checks::{Endpoint, Outcome},
        refusal::Failure,
        token::Ending,
    },
    ops::metrics::{Kind, MEDIA_TYPE, Metrics, Series},
    service::{IdleTally, SCHEMA, Service, Survey},
};

/// The schema in a label.
static SCHEMA_TEXT: LazyLock<String> = LazyLock::new(|| SCHEMA.to_string());

/// A number of those that are counted in the database, by the value of a label.
type Labelled = (&'static str, fn(Survey) -> i64);

type Count = Box<dyn Fn() -> usize + Send + Sync>;

/// How many are connected: 0 until a door is open.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<OnceLock<Count>>);

impl Connections {
    /// From now on this says so; the first one stays.
    pub(super) fn counted_by(&self, count: impl Fn() -> usize + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(count));
    }

    fn now(&self) -> i64 {
        self.0.get().map_or(0, |count| number(count()))
    }
}

/// A count or a size as it is shown.
fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// The metrics of a service, its checks told apart by these names.
pub(super) fn of(
    service: &Arc<Service>,
    endpoints: &[(&'static str, Endpoint)],
    connections: &Connections,
) -> Metrics {
    let metrics = of_checks(Metrics::new(&SCHEMA_TEXT), service, endpoints);
    let metrics = of_tokens(metrics, service);
    let metrics = of_storage(metrics, service);
    let connections = connections.clone();
    let connected = vec![Series::new(&[], move || connections.now())];
    let [password, throttled] = [("password", 0), ("throttled", 1)].map(|(reason, at)| {
        let service = Arc::clone(service);
        Series::new(&[("reason", reason)], move || number(service.sign_ins_refused()[at]))
    });
    metrics
        .with(
            Kind::Counter,
            "jeton_sign_ins_refused_total",
            "Sign-ins that were refused for a wrong password, or unlooked at after too many of those, since the start.",
            vec![password, throttled],
        )
        .with(
            Kind::Gauge,
            "jeton_sessions",
            "Who is signed in at the page.",
            surveyed(service, &[], |survey| survey.standings.sessions),
        )
        .with(Kind::Gauge, "jeton_connections", "Connections that are open.", connected)
}

fn of_checks(metrics: Metrics, service: &Arc<Service>, endpoints: &[(&'static str, Endpoint)]) -> Metrics {
    let outcomes = endpoints.iter().flat_map(|(name, endpoint)| {
        Outcome::ALL.map(|outcome| {
            let (service, endpoint) = (Arc::clone(service), *endpoint);
            let labels = [("endpoint", *name), ("outcome", outcome.as_str())];
            Series::new(&labels, move || number(service.checks_at(endpoint, outcome)))
        })
    });
    let durations = endpoints.iter().map(|(name, endpoint)| {
        let (service, endpoint) = (Arc::clone(service), *endpoint);
        Series::durations(&[("endpoint", *name)], move || service.check_durations(endpoint))
    });
    metrics
        .with(
            Kind::Counter,
            "jeton_checks_total",
            "Tokens that were judged, by what came of it, since the start.",
            outcomes.collect(),
        )
        .with(
            Kind::Histogram,
            "jeton_check_duration_seconds",
            "How long it took to judge a token.",
            durations.collect(),
        )
}

/// A number of those that are counted in the database.
fn surveyed(
    service: &Arc<Service>,
    labels: &[(&'static str, &'static str)],
    read: fn(Survey) -> i64,
) -> Vec<Series> {
    let service = Arc::clone(service);
    vec![Series::new(labels, move || read(service.surveyed()))]
}

fn of_tokens(metrics: Metrics, service: &Arc<Service>) -> Metrics {
    let states: [Labelled; 4] = [
        ("active", |survey| survey.standings.active),
        ("expired", |survey| survey.standings.expired),
        ("disabled", |survey| survey.standings.disabled),
        ("deleted", |survey| survey.standings.deleted),
    ];
    let expiring: [Labelled; 3] = [
        ("7d", |survey| survey.standings.expiring[0]),
        ("30d", |survey| survey.standings.expiring[1]),
        ("90d", |survey| survey.standings.expiring[2]),
    ];
    let of = |label: &'static str, all: &[Labelled]| {
        all.iter().flat_map(|(value, read)| surveyed(service, &[(label, *value)], *read)).collect()
    };
    let unused = {
        let service = Arc::clone(service);
        Series::new(&[], move || {
            let made = service.surveyed().standings.oldest_unused;
            made.map_or(0, |made| (service.now().millis() - made.millis()).max(0) / 1000)
        })
    };
    let idle = |read: fn(IdleTally) -> i64| {
        Ending::ALL
            .map(|action| {
                let service = Arc::clone(service);
                Series::new(&[("action", action.as_str())], move || read(service.idle_tally(action)))
            })
            .into()
    };
    metrics
        .with(Kind::Gauge, "jeton_tokens", "Tokens by state; deleted ones leave a row.", of("state", &states))
        .with(
            Kind::Gauge,
            "jeton_tokens_expiring",
            "Active tokens that expire within so many days; those within 7 are among those within 30.",
            of("within", &expiring),
        )
        .with(
            Kind::Gauge,
            "jeton_tokens_oldest_unused_age_seconds",
            "How long ago the oldest active token that was never used was made; 0 where there is none.",
            vec![unused],
        )
        .with(
            Kind::Gauge,
            "jeton_tokens_idle_announced",
            "Tokens to which it is announced that they will be disabled or deleted because nobody uses them.",
            idle(|tally| tally.announced),
        )
        .with(
            Kind::Counter,
            "jeton_tokens_idle_total",
            "Tokens that were disabled or deleted because nobody used them, since the start.",
            idle(|tally| tally.done),
        )
}

fn of_storage(metrics: Metrics, service: &Arc<Service>) -> Metrics {
    let load = |read: fn(&Service) -> i64| {
        let service = Arc::clone(service);
        vec![Series::new(&[], move || read(&service))]
    };
    let commits = {
        let service = Arc::clone(service);
        vec![Series::durations(&[], move || service.writer_load().commits)]
    };
    metrics
        .with(
            Kind::Gauge,
            "jeton_ready",
            "Whether jeton can read and write: 1 if it can.",
            load(|service| i64::from(service.seems_ready())),
        )
        .with(
            Kind::Gauge,
            "jeton_writer_queue_length",
            "Writes that wait for the writer.",
            load(|service| service.writer_load().waiting.max(0)),
        )
        .with(
            Kind::Histogram,
            "jeton_commit_duration_seconds",
            "How long a commit took, its sync to the disk included; many writes share one.",
            commits,
        )
        .with(
            Kind::Counter,
            "jeton_commits_failed_total",
            "Commits that failed: nothing of them stands.",
            load(|service| number(service.writer_load().failed)),
        )
        .with(
            Kind::Gauge,
            "jeton_database_size_bytes",
            "The database's file.",
            surveyed(service, &[], |survey| number(survey.sizes.database)),
        )
        .with(
            Kind::Gauge,
            "jeton_wal_size_bytes",
            "The write-ahead log's file.",
            surveyed(service, &[], |survey| number(survey.sizes.log)),
        )
        .with(
            Kind::Gauge,
            "jeton_disk_free_bytes",
            "What is free on the disk that the database is on.",
            surveyed(service, &[], |survey| number(survey.sizes.free)),
        )
        .with(
            Kind::Gauge,
            "jeton_disk_size_bytes",
            "The whole of that disk.",
            surveyed(service, &[], |survey| number(survey.sizes.disk)),
        )
}

/// How it goes, in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub(super) async fn metrics(site: &State<Site>) -> Result<Reply, Failure> {
    if let Err(failure) = site.service.survey().await {
        // What is known without it is said all the more: that is when somebody looks.
        tracing::warn!(%failure, "tokens aren't counted for the metrics now");
    }
    Ok(Reply::file(MEDIA_TYPE, site.metrics.render().map_err(Failure::broken)?.into_bytes()))
}
