//! A way to the engine that can be cut.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub(crate) struct Cut {
    pub socket: PathBuf,
    open: Arc<Mutex<Option<Vec<UnixStream>>>>,
}

impl Cut {
    /// Leads from a socket in `folder` to the engine's.
    pub(crate) fn to(engine: &Path, folder: &Path) -> Cut {
        let socket = folder.join("cut.sock");
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let open = Arc::new(Mutex::new(Some(Vec::new())));
        let (engine, known) = (engine.to_owned(), open.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = UnixStream::connect(&engine).unwrap();
                let mut known = known.lock().unwrap();
                let Some(known) = &mut *known else { return };
                known.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                pass_on(&client, &server);
                pass_on(&server, &client);
            }
        });
        Cut { socket, open }
    }

    /// Ends all connections; there will be no others.
    pub(crate) fn now(&self) {
        std::fs::remove_file(&self.socket).unwrap();
        for stream in self.open.lock().unwrap().take().unwrap_or_default() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// One direction, to its end.
fn pass_on(from: &UnixStream, to: &UnixStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
