//! The shop's orders, in a SQLite file of the demo's own.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

/// One writer; a demo's readers can wait.
const CONNECTIONS_MAX: u32 = 1;
const SCHEMA: &str = include_str!("shop.sql");

/// The shop's database. Cheap to clone.
#[derive(Clone)]
pub(in super::super) struct Database {
    pool: SqlitePool,
}

impl Database {
    /// Creates `shop.sqlite` in `folder` and fills it.
    pub(in super::super) async fn create(folder: &Path) -> sqlx::Result<Self> {
        let options =
            SqliteConnectOptions::new().filename(folder.join("shop.sqlite")).create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).connect_with(options).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Self { pool })
    }

    /// One order with the name and the address it goes to; `None` if there is none of that number.
    pub(super) async fn order(&self, id: &str) -> sqlx::Result<Option<Value>> {
        let sql = "SELECT o.id, o.item, o.status, o.address, c.name, c.id FROM orders o JOIN customers c \
                   ON c.id = o.customer_id WHERE o.id = ?";
        let row: Option<OrderRow> = sqlx::query_as(sql).bind(id).fetch_optional(&self.pool).await?;
        Ok(row.map(order_json))
    }

    /// All orders of one customer.
    pub(super) async fn orders_of(&self, customer: &str) -> sqlx::Result<Vec<Value>> {
        let sql = "SELECT o.id, o.item, o.status, o.address, c.name, c.id FROM orders o JOIN customers c \
                   ON c.id = o.customer_id WHERE c.id = ? ORDER BY o.id";
        let rows: Vec<OrderRow> = sqlx::query_as(sql).bind(customer).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(order_json).collect())
    }

    /// What people wrote about a product.
    pub(super) async fn reviews_of(&self, product: &str) -> sqlx::Result<Vec<Value>> {
        let sql = "SELECT author, text FROM reviews WHERE product = ? ORDER BY rowid";
        let rows: Vec<(String, String)> = sqlx::query_as(sql).bind(product).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(author, text)| json!({ "author": author, "text": text })).collect())
    }

    /// Pays `amount` for an order of that customer to an account. `false` if the customer has no such order.
    pub(super) async fn refund(
        &self,
        order: &str,
        customer: &str,
        amount: &str,
        iban: &str,
    ) -> sqlx::Result<bool> {
        let sql = "INSERT INTO refunds (order_id, amount, iban) \
                   SELECT id, ?, ? FROM orders WHERE id = ? AND customer_id = ?";
        let paid = sqlx::query(sql).bind(amount).bind(iban).bind(order).bind(customer);
        Ok(paid.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Puts an e-mail into the outbox.
    pub(super) async fn send(&self, to: &str, subject: &str, body: &str) -> sqlx::Result<()> {
        let sql = "INSERT INTO mails (recipient, subject, body) VALUES (?, ?, ?)";
        sqlx::query(sql).bind(to).bind(subject).bind(body).execute(&self.pool).await?;
        Ok(())
    }

    /// Refunds that went to `iban`: how the tour sees what an attack did.
    pub(in super::super) async fn refunds_to(&self, iban: &str) -> sqlx::Result<u64> {
        let sql = "SELECT COUNT(*) FROM refunds WHERE iban = ?";
        let (count,): (i64,) = sqlx::query_as(sql).bind(iban).fetch_one(&self.pool).await?;
        Ok(count.unsigned_abs())
    }

    /// E-mails to `address` that hold `words`.
    pub(in super::super) async fn mails_to(&self, address: &str, words: &str) -> sqlx::Result<u64> {
        let sql = "SELECT COUNT(*) FROM mails WHERE recipient = ? AND instr(body, ?) > 0";
        let (count,): (i64,) = sqlx::query_as(sql).bind(address).bind(words).fetch_one(&self.pool).await?;
        Ok(count.unsigned_abs())
    }
}

/// id, item, status, address, the customer's name, the customer's id
type OrderRow = (String, String, String, String, String, String);

fn order_json((order, item, status, address, name, customer): OrderRow) -> Value {
    json!({ "order": order, "item": item, "status": status, "address": address, "name": name, "customer_id": customer })
}
