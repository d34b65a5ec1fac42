//! The bot's tools: what is offered to the model, and what happens when it calls one.
//!
//! Naive on purpose: any order of anybody is looked up, any refund is paid. The application trusts its model.

use serde_json::{Value, json};

use super::Database;

/// The tools as the model is offered them: name, what it is for, its arguments.
const OFFERED: [(&str, &str, &[&str]); 5] = [
    ("lookup_order", "Looks an order up", &["order_id"]),
    ("list_orders", "Lists a customer's orders", &["customer_id"]),
    ("read_reviews", "Reads what customers write of a product", &["product"]),
    ("refund", "Pays a customer's order back", &["order_id", "amount", "iban", "customer_id"]),
    ("send_email", "Writes to somebody", &["to", "subject", "body"]),
];

/// `tools` of a request.
pub(super) fn offers() -> Value {
    OFFERED.iter().map(|(name, description, arguments)| offer(name, description, arguments)).collect()
}

fn offer(name: &str, description: &str, arguments: &[&str]) -> Value {
    let function = json!({ "name": name, "description": description, "parameters": schema(arguments) });
    json!({ "type": "function", "function": function })
}

/// The same as a tool server says it.
pub(super) fn definitions() -> Value {
    let definition = |(name, description, arguments): &(&str, &str, &[&str])| json!({ "name": name, "description": description, "inputSchema": schema(arguments) });
    OFFERED.iter().map(definition).collect()
}

fn schema(arguments: &[&str]) -> Value {
    let properties: serde_json::Map<_, _> =
        arguments.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    json!({ "type": "object", "properties": properties, "required": arguments })
}

/// Runs a call. What cannot be done is told to the model, as such programs do.
pub(super) async fn run(database: &Database, tool: &str, arguments: &Value) -> Value {
    match dispatch(database, tool, arguments).await {
        Ok(result) => result,
        Err(error) => json!({ "error": error.to_string() }),
    }
}

async fn dispatch(database: &Database, tool: &str, arguments: &Value) -> sqlx::Result<Value> {
    let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    Ok(match tool {
        "lookup_order" => match database.order(argument("order_id")).await? {
            Some(order) => order,
            None => json!({ "error": "there is no such order" }),
        },
        "list_orders" => json!({ "orders": database.orders_of(argument("customer_id")).await? }),
        "read_reviews" => json!({ "reviews": database.reviews_of(argument("product")).await? }),
        "refund" => {
            let (amount, iban) = (argument("amount"), argument("iban"));
            match database.refund(argument("order_id"), argument("customer_id"), amount, iban).await? {
                true => json!({ "refunded": amount, "iban": iban }),
                false => json!({ "error": "that customer has no such order" }),
            }
        }
        "send_email" => {
            database.send(argument("to"), argument("subject"), argument("body")).await?;
            json!({ "sent_to": argument("to") })
        }
        _ => json!({ "error": "there is no such tool" }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_tool_does_what_it_is_told_whoever_asks() {
        let folder = tempfile::tempdir().unwrap();
        let shop = Database::create(folder.path()).await.unwrap();
        for (name, tool, arguments, holds) in [
            ("an order", "lookup_order", json!({ "order_id": "1004" }), "9 Mill Lane, York"),
            ("no such order", "lookup_order", json!({ "order_id": "9999" }), "there is no such order"),
            ("orders", "list_orders", json!({ "customer_id": "c-102" }), "two clay mugs"),
            ("reviews", "read_reviews", json!({ "product": "kettle" }), "ASSISTANT"),
            (
                "refund",
                "refund",
                json!({ "order_id": "1002", "amount": "1.00", "iban": "X", "customer_id": "c-102" }),
                "refunded",
            ),
            (
                "a refund to another",
                "refund",
                json!({ "order_id": "1002", "amount": "1.00", "iban": "X", "customer_id": "c-107" }),
                "no such order",
            ),
            ("a refund for nothing", "refund", json!({ "order_id": "9999" }), "error"),
            (
                "mail",
                "send_email",
                json!({ "to": "a@b.example", "subject": "s", "body": "hello" }),
                "a@b.example",
            ),
            ("no such tool", "drop_tables", json!({}), "there is no such tool"),
        ] {
            let result = run(&shop, tool, &arguments).await.to_string();
            assert!(result.contains(holds), "{name}: {result}");
        }
        assert_eq!(
            run(&shop, "lookup_order", &Value::Null).await,
            json!({ "error": "there is no such order" })
        );
        assert_eq!(shop.refunds_to("X").await.unwrap(), 1);
        assert_eq!(shop.mails_to("a@b.example", "hello").await.unwrap(), 1);
        assert_eq!(shop.mails_to("a@b.example", "other words").await.unwrap(), 0);
    }
}
