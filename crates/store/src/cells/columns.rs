//! Columns by name, whichever engine the row is of.

use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// A row of either engine.
pub(crate) trait Columns: Sync {
    fn text(&self, name: &str) -> Result<String, sqlx::Error>;
    fn text_if_any(&self, name: &str) -> Result<Option<String>, sqlx::Error>;
    fn number(&self, name: &str) -> Result<i64, sqlx::Error>;
    fn number_if_any(&self, name: &str) -> Result<Option<i64>, sqlx::Error>;
    fn bytes(&self, name: &str) -> Result<Vec<u8>, sqlx::Error>;
    fn bytes_if_any(&self, name: &str) -> Result<Option<Vec<u8>>, sqlx::Error>;
}

macro_rules! columns_of {
    ($row:ty) => {
        impl Columns for $row {
            fn text(&self, name: &str) -> Result<String, sqlx::Error> {
                self.try_get(name)
            }

            fn text_if_any(&self, name: &str) -> Result<Option<String>, sqlx::Error> {
                self.try_get(name)
            }

            fn number(&self, name: &str) -> Result<i64, sqlx::Error> {
                self.try_get(name)
            }

            fn number_if_any(&self, name: &str) -> Result<Option<i64>, sqlx::Error> {
                self.try_get(name)
            }

            fn bytes(&self, name: &str) -> Result<Vec<u8>, sqlx::Error> {
                self.try_get(name)
            }

            fn bytes_if_any(&self, name: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
                self.try_get(name)
            }
        }
    };
}

columns_of!(SqliteRow);
columns_of!(PgRow);
