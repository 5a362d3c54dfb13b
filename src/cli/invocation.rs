//! What a command gets besides its own flags.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::kind::{Program, provider};
use crate::context::{Context, Unfinished};
use crate::diagnose::Failure;
use crate::engine::Engine;
use crate::engine::docker::DockerEngine;
use crate::engine::endpoint::DockerEnv;
use crate::progress::Progress;

/// One run of the program.
pub(super) struct Invocation {
    pub program: Program,
    pub progress: Progress,
    pub cancel: CancellationToken,
    /// What a signal must not cut off.
    pub unfinished: Unfinished,
    /// The command that removes what is left when this one is ended at once.
    pub clean_up: Arc<OnceLock<String>>,
}

impl Invocation {
    pub(super) fn new(program: Program, progress: Progress) -> Self {
        let cancel = CancellationToken::new();
        let (unfinished, clean_up) = (Unfinished::default(), Arc::default());
        Invocation { program, progress, cancel, unfinished, clean_up }
    }

    /// The context for operations on the engine that the environment names. No
    /// connection is made yet.
    ///
    /// # Errors
    /// Fails for an endpoint or provider that skiff does not support.
    pub(super) fn context(&self) -> Result<Context, Failure> {
        let provider = provider::choose(&self.progress)?;
        #[cfg(feature = "fake-engine")]
        if let Some(engine) = super::fake_engine::from_environment(&self.cancel)? {
            return Ok(self.context_of(Arc::new(engine)));
        }
        let engine = DockerEngine::connect(provider.endpoint()?)?
            .with_client_config(DockerEnv::of_process().client_config());
        Ok(self.context_of(Arc::new(engine)))
    }

    fn context_of(&self, engine: Arc<dyn Engine>) -> Context {
        let context = Context::new(engine, self.progress.clone(), self.cancel.clone());
        context.counting(&self.unfinished)
    }
}
