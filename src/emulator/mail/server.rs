//! The mail server's port.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::dialogue;
use super::limits::{IDLE, MOST_CONNECTIONS};
use crate::emulator::Shared;

/// Between two tries when connections cannot be accepted, such as for want of descriptors.
const BREATH: Duration = Duration::from_millis(50);

/// A running mail server. Dropping it stops it and cuts its connections.
#[derive(Debug)]
pub(in crate::emulator) struct Server {
    /// Says stop by being dropped.
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves on `listener` inside the current tokio runtime.
    pub(in crate::emulator) fn start(
        listener: TcpListener,
        shared: Arc<Shared>,
        runtime: &Handle,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (stop, stopped) = oneshot::channel();
        Ok(Self {
            stop: Some(stop),
            task: runtime.spawn(serve(listener, shared, stopped)),
        })
    }

    /// Stops, and waits until the connections are closed.
    pub(in crate::emulator) async fn stop(&mut self) {
        drop(self.stop.take());
        // A task that has panicked has stopped too.
        let _ = (&mut self.task).await;
    }
}

async fn serve(
    listener: tokio::net::TcpListener,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut dialogues = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = dialogues.join_next() => {}
            accepted = listener.accept() => match accepted {
                Err(_) => sleep(BREATH).await,
                Ok((stream, _)) if dialogues.len() >= MOST_CONNECTIONS => turn_away(stream).await,
                Ok((stream, _)) => {
                    dialogues.spawn(dialogue::hold(stream, Arc::clone(&shared), IDLE));
                }
            },
        }
    }
    drop(listener);
    dialogues.shutdown().await;
}

/// A fresh connection takes a line without waiting for its client.
async fn turn_away(mut stream: TcpStream) {
    let reply = b"421 4.7.0 Too many connections\r\n";
    // Who has gone already needs no answer.
    let _ = stream.write_all(reply).await;
}
