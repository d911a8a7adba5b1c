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


def rows_data(number):
    """Return data of 24 KB: 400 small rows."""
    rows = [
        {"sku": f"A-{row:04}", "quantity": 1 + row % 9, "price": 12.5 + row, "note": "as before"} for row in range(400)
    ]
    return {"order_id": f"order-{number:09}", "rows": rows}


def digits_data(number):
    """Return data of dates, ids and ratios: digits wherever a number too large, or a key that is none, could stand."""
    return {
        "2026-08-31": f"{number:016}",
        "dates": ["2026-08-31", "2026-09-01", "2026-09-30T12:00:00Z"],
        "ids": ["0190163d-8694-739b-aea5-966c26f8ad91", "4815162342481516", str(number)],
        "ratios": [1 / 3, -2 / 3, 0.1234567890123456, 1234567.890123456],
        "count": number,
    }


DATA = {"small": small_data, "rows": rows_data, "digits": digits_data}


def flat_data(number):
    """Return small data without containers, as a record of CSV holds it."""
    data = small_data(number)
    return {**data, "items": len(data["items"]), **data["items"][0]}


def tiny_data(number):
    """Return the data of a file of very many events."""
    return {"order_id": number, "total": 32.25, "paid": True}


def write_file(path, count, data_of=tiny_data):
    """Write a file of events, one a line."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps({"name": NAME, "data": data_of(number)}) + "\n")


def write_rows(path, count, data_of=tiny_data):
    """Write the data of these events, one a line."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps(data_of(number)) + "\n")


def write_csv(path, count, data_of=tiny_data):
    """Write the same as CSV."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(data_of(0))
        writer.writerows(data_of(number).values() for number in range(count))
