"""The events that are sent: realistic in shape, the same for every contestant."""

import csv
import json

NAME = "bench/order.created"


def small_data(number):
    """Return the data of an event whose request has a body of about 250 bytes."""
    return {
        "order_id": f"order-{number:09}",
        "customer": "alice@example.com",
        "items": [{"sku": "A-1001", "quantity": 2, "price": 12.5}, {"sku": "B-2002", "quantity": 1, "price": 7.25}],
        "total": 32.25,
        "currency": "EUR",
        "paid": True,
        "coupon": None,
    }


def data_of_25_values():
    """Return data with 25 values, of every kind that JSON has."""
    return {
        "order": small_data(1),  # 12 values, in three levels
        "shipping": {"name": "Alice Müller", "street": "Main Street 5", "city": "Zürich", "zip": "8001"},
        "tags": ["new", "paid", "gift"],
        "attempt": 3,
        "weight": 1.25,
        "insured": False,
        "note": None,
        "source": "shop",
        "channel": 7,
    }


def data_of_size(size):
    """Return data of about so many bytes of JSON, made of many small values."""
    item = {"sku": "A-1001", "quantity": 2, "price": 12.5, "note": "as before"}
    return {"items": [item] * max(1, size // 60)}


def write_file(path, count):
    """Write a file of events, one a line."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps({"name": NAME, "data": _order(number)}) + "\n")


def write_rows(path, count):
    """Write the data of these events, one a line."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps(_order(number)) + "\n")


def write_csv(path, count):
    """Write the same as CSV."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_order(0))
        writer.writerows(_order(number).values() for number in range(count))


def _order(number):
    return {"order_id": number, "total": 32.25, "paid": True}
