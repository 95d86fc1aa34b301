//! What jumped clocks, restarts and edited rows don't do.

use super::{DAY, Ending, GONE, GOOD, HOUR, MINUTE, OFF, START, run};

#[test]
fn a_clock_that_jumps_while_it_runs_makes_nothing_idle() {
    run(async |scene| {
        let [told, young] = [scene.token(Some(4 * DAY)).await, scene.token(Some(40 * DAY)).await];
        scene.live(3 * DAY + HOUR).await;
        assert!(scene.told(&told).is_some());
        scene.time.set_wall(START + 100 * DAY);
        scene.look().await;
        assert_eq!((scene.told(&told), scene.tally()), (None, [(0, 0), (0, 0)]), "what was told is void");
        scene.live(DAY - 5 * MINUTE).await;
        assert_eq!((scene.state(&told), scene.told(&told)), (GOOD, None), "and for a day all is off");
        scene.live(5 * MINUTE).await;
        // It has lived for 4 days and an hour, and is told anew.
        let now = 101 * DAY;
        assert_eq!(scene.told(&told), Some((Ending::Disable, now + DAY)));
        assert_eq!(scene.told(&young), None, "it is four days old, not a hundred");
        scene.live(DAY - 5 * MINUTE).await;
        assert_eq!(scene.state(&told), GOOD);
        scene.live(5 * MINUTE).await;
        assert_eq!(scene.state(&told), OFF);
        // The day holds across a restart, and the jump isn't forgotten.
        scene.time.set_wall(START + 200 * DAY);
        scene.look().await;
        scene.live(HOUR).await;
        let scene = scene.restart(HOUR).await;
        scene.look().await;
        scene.live(23 * HOUR - 5 * MINUTE).await;
        assert_eq!(scene.tally(), [(0, 0), (0, 0)]);
        scene.live(20 * DAY).await;
        assert_eq!((scene.state(&told), scene.state(&young)), (GONE, GOOD));
        scene.live(20 * DAY).await;
        assert_eq!(scene.state(&young), OFF);
    });
}

#[test]
fn a_clock_set_while_nothing_ran_tells_and_waits_for_its_lead() {
    run(async |scene| {
        let [told, young] = [scene.token(Some(4 * DAY)).await, scene.token(Some(40 * DAY)).await];
        scene.live(3 * DAY + HOUR).await;
        assert!(scene.told(&told).is_some());
        let scene = scene.restart(100 * DAY).await;
        scene.look().await;
        let now = 103 * DAY + HOUR;
        assert_eq!(scene.told(&young), Some((Ending::Disable, now + 7 * DAY)), "forty days have ten of lead");
        assert_eq!([&told, &young].map(|token| scene.state(token)), [GOOD; 2]);
        // An hour of the lead of the one that was told before was lived through.
        scene.live(DAY - HOUR - 5 * MINUTE).await;
        assert_eq!(scene.state(&told), GOOD);
        scene.live(10 * MINUTE).await;
        assert_eq!([&told, &young].map(|token| scene.state(token)), [OFF, GOOD]);
        scene.present(&young).await.unwrap();
        scene.live(7 * DAY).await;
        assert_eq!((scene.state(&young), scene.told(&young)), (GOOD, None));
    });
}

#[test]
fn a_daily_restart_doesnt_keep_tokens_alive() {
    run(async |mut scene| {
        let token = scene.token(Some(8 * DAY)).await;
        let mut days = 0;
        while scene.state(&token) == GOOD {
            scene.live(DAY - HOUR).await;
            // Killed, with whatever wasn't written down; and off for an hour.
            scene = scene.start_again(HOUR);
            scene.look().await;
            days += 1;
            assert!(days < 12, "its lead of two days has to end");
        }
        assert!(days >= 8);
        assert_eq!(scene.state(&token), OFF);
    });
}

#[test]
fn edited_rows_end_nothing_before_its_time() {
    run(async |scene| {
        let token = scene.token(Some(4 * DAY)).await;
        scene.live(3 * DAY + HOUR).await;
        let connection = rusqlite::Connection::open(scene.directory.path().join("jeton.db")).unwrap();
        connection.execute("UPDATE idle_notices SET ripe_at = 0, due_at = 0", []).unwrap();
        scene.live(HOUR).await;
        assert_eq!(scene.state(&token), GOOD);
        let again = scene.told(&token).unwrap();
        assert!(again.1 > 4 * DAY && again.1 <= 4 * DAY + 2 * HOUR, "told anew: {again:?}");
        connection.execute("UPDATE idle_clock SET lived = lived + 1000000000", []).unwrap();
        let scene = scene.start_again(0);
        scene.look().await;
        assert_eq!((scene.state(&token), scene.told(&token)), (GOOD, None), "a clock that isn't ours holds");
    });
}
