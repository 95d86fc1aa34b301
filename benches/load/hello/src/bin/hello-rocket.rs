//! A bare Rocket application with its default fairings: `ROCKET_PORT` says where.

use rocket::{Build, Rocket, get, launch, routes};

#[get("/")]
fn hello() -> &'static str {
    "Hello, world!"
}

#[launch]
fn application() -> Rocket<Build> {
    rocket::build().mount("/", routes![hello])
}
