//! Rows of the store that no Lockstep wrote, though their checksums are right.

use super::apart;
use super::targets::store_row;

const KINDS: &[u8] = b".mldiohcpnfbkjqtwxras";

#[test]
fn no_row_makes_the_store_panic_hang_or_grow() {
    apart!(no_row_makes_the_store_panic_hang_or_grow, 128, || {
        let values: [&[u8]; 16] = [
            b"=",
            b"=null",
            b"=0",
            b"=-1",
            b"=18446744073709551615",
            b"=1e400",
            b"=\"\"",
            b"=\"p_1\"",
            b"=\"p_1\\u0000\"",
            b"=[]",
            b"={}",
            b"=\xff",
            b"=\"9999-12-31T23:59:59Z\"",
            b"!",
            b"!\x01\0\0\0\0",
            b"!\x02\0\0\0\0{}",
        ];
        let keys: [&[u8]; 9] = [
            b"",
            b"p_1\0",
            b"p_1",
            b"00Q5f000005bwLFEAYp_1\0",
            b"engage",
            b"\0\0\0\0\0\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xffp_1\0",
            b"count/l",
            b"schema",
        ];
        for kind in KINDS {
            for key in keys {
                for value in values {
                    store_row::run(&[&[*kind], key, b"\n", value].concat());
                }
                store_row::run(&[&[*kind], key, b"\n=", "[".repeat(10_000).as_bytes()].concat());
            }
        }
    });
}
