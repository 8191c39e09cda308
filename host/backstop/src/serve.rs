//! `serve-device`: the simulated gateware as a PCI function at a socket.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use device::pci::simulated::Function;
use device::pci::vfio_user::server::{Served, Server};
use device::sim::Build;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Serves clients at `socket`, one after another, until the process is told to end.
///
/// # Errors
/// If the socket cannot be had or the gateware does not start.
pub fn serve(
    socket: &Path,
    lanes: usize,
    trace: Option<&Path>,
    say: impl FnMut(&str),
) -> anyhow::Result<Served> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).context("a signal cannot be listened to")?;
    }
    let function =
        Function::new(Build::Production, lanes, trace).context("the simulated gateware does not start")?;
    let mut server = Server::bind(socket, function).with_context(|| {
        format!(
            "cannot listen at {}; if a server runs there, stop it, else name another socket",
            socket.display()
        )
    })?;
    server.run(|| stop.load(Ordering::Relaxed), say).context("the socket failed")?;
    Ok(server.served())
}
