//! Kakao Gate and bare actix-web under the same load, turn by turn.

use std::cell::Cell;
use std::fmt;
use std::time::Instant;

use futures_util::future::join_all;

use super::bare::{self, Bare};
use super::service::{self, Service};
use super::wire::Wire;
use super::{ROUNDS, TURN, VISITORS};

/// How often a second, here and there.
pub(crate) struct Compared {
    ours: f64,
    bare: f64,
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ours, bare } = self;
        write!(f, "{ours:.0} | {bare:.0} | {:.2}", ours / bare)
    }
}

/// Complete logins.
pub(crate) async fn logins() -> Compared {
    let (service, bare) = (Service::start().await, Bare::start());
    let number = Cell::new(0);
    let next = || number.replace(number.get() + 1);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..VISITORS {
        ours.push(Wire::open(service.address).await);
        theirs.push(Wire::open(bare.address).await);
    }
    let compared = turns(
        async || {
            turn(&mut ours, async |wire| {
                service::log_in(wire, &service.emulator, next()).await;
            })
            .await
        },
        async || {
            turn(&mut theirs, async |wire| {
                bare::log_in(wire, &bare, next()).await;
            })
            .await
        },
    )
    .await;
    drop((ours, theirs));
    service.stop().await;
    bare.stop().await;
    compared
}

/// Pages for somebody signed in.
pub(crate) async fn pages() -> Compared {
    let (service, bare) = (Service::start().await, Bare::start());
    let mut first = Wire::open(service.address).await;
    let cookie = service::log_in(&mut first, &service.emulator, 0).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..VISITORS {
        ours.push(Wire::open(service.address).await);
        theirs.push(Wire::open(bare.address).await);
    }
    let compared = turns(
        async || {
            turn(&mut ours, async |wire| {
                assert_eq!(wire.get("/me", &cookie).await.status, 200);
            })
            .await
        },
        async || {
            turn(&mut theirs, async |wire| {
                assert_eq!(wire.get("/me", &cookie).await.status, 200);
            })
            .await
        },
    )
    .await;
    drop((ours, theirs, first));
    service.stop().await;
    bare.stop().await;
    compared
}

/// One turn each to warm up, then the best of [`ROUNDS`]: what else the machine does only ever
/// takes away.
pub(crate) async fn turns(
    mut ours: impl AsyncFnMut() -> f64,
    mut bare: impl AsyncFnMut() -> f64,
) -> Compared {
    ours().await;
    bare().await;
    let mut best = Compared {
        ours: 0.0,
        bare: 0.0,
    };
    for _ in 0..ROUNDS {
        best.ours = best.ours.max(ours().await);
        best.bare = best.bare.max(bare().await);
    }
    best
}

/// How often a second `act` happens, with all visitors acting at once for [`TURN`].
pub(crate) async fn turn(visitors: &mut [Wire], act: impl AsyncFn(&mut Wire)) -> f64 {
    let began = Instant::now();
    let acts = visitors.iter_mut().map(|wire| async {
        let mut count = 0.0;
        while began.elapsed() < TURN {
            act(wire).await;
            count += 1.0;
        }
        count
    });
    let counts: Vec<f64> = join_all(acts).await;
    counts.iter().sum::<f64>() / began.elapsed().as_secs_f64()
}
