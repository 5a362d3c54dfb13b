//! A component that does not run at one moment.

use super::component::Component;
use super::words::LastWords;

/// A component that does not run at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspect {
    pub component: Component,
    pub words: LastWords,
    /// Whether it cannot come up, whatever happens.
    pub is_certain: bool,
}
