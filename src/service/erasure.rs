//! What was personal about deleted users, erased in the background.

use super::Service;

impl Service {
    /// Tells the background that a user was deleted.
    pub(super) fn erase_soon(&self) {
        self.erasing.notify_one();
    }
}
