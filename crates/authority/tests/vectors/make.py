"""Makes eip712.json: messages written by hand, hashed and signed by eth-account, which shares no code with this crate.

Run with eth-account 0.14.0: `pip install eth-account==0.14.0 && python make.py > eip712.json`
"""

import json

from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data

PRIVATE_KEY = "0x" + "46" * 32  # for these vectors only
NETWORK = "0x" + "5e" * 32
CHAIN_ID = 42161
SESSION = "0x" + bytes(range(1, 33)).hex()
OWNER = "0x" + "00" * 12 + "ab" * 20
NONE = "0x" + "00" * 32

DOMAIN = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("salt", "bytes32")]
END = [("owner", "bytes32"), ("nonce", "uint64"), ("validUntil", "uint64")]
ACCOUNT = [("pool", "uint16"), ("account", "uint32")]
ORDER = [("number", "uint64"), ("instrument", "uint16"), ("quantity", "int64"), ("hasLimit", "bool"),
         ("limit", "int64"), ("lifetime", "string"), ("until", "uint64"), ("reduceOnly", "bool")]
AMOUNT = [("amount", "int128")]

BUY = [(1 << 63) + 9, 7, 1000, True, -25, "Until", 1_900_000_000_123, True]
SELL = [10, 8, -(1 << 40), False, 0, "ThisBlock", 0, False]
REST = [11, 9, 3, True, 0, "UntilCancelled", 0, False]

# The name of the case, the struct, its fields, their values, and the owner.
CASES = [
    ("open_account", "OpenAccount", [("pool", "uint16")], [65535], NONE),
    ("place_order_until", "PlaceOrder", ACCOUNT + ORDER, [1, 70000] + BUY, NONE),
    ("place_order_this_block", "PlaceOrder", ACCOUNT + ORDER, [1, 70000] + SELL, OWNER),
    ("place_order_rests", "PlaceOrder", ACCOUNT + ORDER, [1, 70000] + REST, NONE),
    ("cancel_order", "CancelOrder", ACCOUNT + [("number", "uint64")], [2, 3, (1 << 64) - 1], OWNER),
    ("cancel_all", "CancelAll", ACCOUNT, [2, 4294967295], OWNER),
    ("seal_order", "SealOrder", ACCOUNT + [("seal", "bytes32")], [2, 3, "0x" + "5a" * 32], NONE),
    ("reveal_order", "RevealOrder", ACCOUNT + ORDER + [("salt", "bytes32")], [2, 3] + BUY + ["0x" + "a5" * 32], NONE),
    ("withdraw", "Withdraw", ACCOUNT + AMOUNT, [2, 3, 1 << 56], NONE),
    ("withdraw_negative", "Withdraw", ACCOUNT + AMOUNT, [2, 3, -(1 << 127)], NONE),
    ("withdraw_collateral", "WithdrawCollateral", ACCOUNT + [("instrument", "uint16"), ("quantity", "int64")],
     [2, 3, 4, 1 << 40], NONE),
    ("place_bid", "PlaceBid", ACCOUNT + [("premium", "int64"), ("capacity", "int128")], [2, 3, 15000, 10**15], OWNER),
    ("cancel_bid", "CancelBid", ACCOUNT, [2, 3], NONE),
    ("join_tranche", "JoinTranche", ACCOUNT + AMOUNT, [2, 3, 10**12], NONE),
    ("leave_tranche", "LeaveTranche", ACCOUNT + AMOUNT, [2, 3, 10**12], NONE),
    ("open_own_pool", "OpenOwnPool",
     [("name", "string"), ("fromPool", "uint16"), ("fromAccount", "uint32"), ("firstLoss", "int128"), ("feed", "uint16")],
     ["Überkreuz", 2, 3, 5 * 10**11, 6], NONE),
    ("grant_session", "GrantSession",
     [("session", "bytes32"), ("mayTrade", "bool"), ("mayBid", "bool"), ("expires", "uint64")],
     [SESSION, True, False, 1_800_000_600_000], NONE),
    ("revoke_session", "RevokeSession", [("session", "bytes32")], [SESSION], NONE),
    # Observe in borsh: its index among the commands, feed, price, confidence, time, flag.
    ("observe", "Command", [("kind", "string"), ("command", "bytes")],
     ["Observe", "0x19" + "0400" + (7).to_bytes(8, "little").hex() + (2).to_bytes(8, "little").hex()
      + (1_800_000_000_000).to_bytes(8, "little").hex() + "01"], NONE),
]


def vector(at, case, name, fields, values, owner):
    fields = fields + END
    values = values + [owner, 100 + at, 1_800_000_000_000 + at]
    document = {
        "types": {
            "EIP712Domain": [{"name": n, "type": t} for n, t in DOMAIN],
            name: [{"name": n, "type": t} for n, t in fields],
        },
        "primaryType": name,
        "domain": {"name": "Seawall", "version": "1", "chainId": CHAIN_ID, "salt": NETWORK},
        "message": {n: v for (n, _), v in zip(fields, values, strict=True)},
    }
    signable = encode_typed_data(full_message=document)
    signed = Account.sign_message(signable, PRIVATE_KEY)
    # Beyond 2^53 a JSON number is not the same everywhere.
    document["message"] = {n: str(v) if type(v) is int else v for n, v in document["message"].items()}
    document["domain"]["chainId"] = str(CHAIN_ID)
    return {"case": case, "digest": "0x" + _hash_eip191_message(signable).hex().removeprefix("0x"),
            "signature": "0x" + bytes(signed.signature).hex(), "typed_data": document}


print(json.dumps({
    "made_by": "make.py with eth-account 0.14.0",
    "private_key": PRIVATE_KEY,
    "address": Account.from_key(PRIVATE_KEY).address.lower(),
    "vectors": [vector(at, *case) for at, case in enumerate(CASES)],
}, indent=1, ensure_ascii=False))
