//! The theorem that the mapping file rests on: two maps between values and statuses never drift exactly when they can be
//! written as rows. By brute force, over every pair of maps of a small size.

/// A partial map: for each input the output, if it has one.
type Map = Vec<Option<usize>>;

/// Every partial map from `from` inputs to `to` outputs.
fn maps(from: usize, to: usize) -> Vec<Map> {
    let mut all = vec![Vec::new()];
    for _ in 0..from {
        all = all
            .into_iter()
            .flat_map(|map: Map| {
                let outputs = std::iter::once(None).chain((0..to).map(Some));
                outputs.map(move |output| [map.clone(), vec![output]].concat())
            })
            .collect();
    }
    all
}

/// Each is defined wherever the other leads.
fn closed(outbound: &Map, inbound: &Map) -> bool {
    outbound.iter().flatten().all(|value| inbound[*value].is_some())
        && inbound.iter().flatten().all(|status| outbound[*status].is_some())
}

/// There and back and there again is there: no bounce ever moves anybody further.
fn lawful(outbound: &Map, inbound: &Map) -> bool {
    let bounce = |one: &Map, other: &Map| {
        one.iter().flatten().all(|there| {
            let back = other[*there].and_then(|back| one[back]);
            back == Some(*there)
        })
    };
    bounce(outbound, inbound) && bounce(inbound, outbound)
}

/// Rows: values and statuses that hang together, and one of each that is written.
fn in_rows(outbound: &Map, inbound: &Map) -> bool {
    // The row of each value, then of each status: whatever is joined by an arrow has the same one.
    let (values, statuses) = (inbound.len(), outbound.len());
    let mut row: Vec<usize> = (0..values + statuses).collect();
    let arrows = outbound.iter().enumerate().filter_map(|(status, value)| Some((values + status, (*value)?)));
    let arrows = arrows
        .chain(inbound.iter().enumerate().filter_map(|(value, status)| Some((value, values + (*status)?))));
    let arrows: Vec<(usize, usize)> = arrows.collect();
    for _ in 0..values + statuses {
        for (one, other) in &arrows {
            let least = row[*one].min(row[*other]);
            (row[*one], row[*other]) = (least, least);
        }
    }
    (0..values + statuses).all(|row_number| {
        let mut written: [Vec<usize>; 2] = [Vec::new(), Vec::new()];
        for (from, to) in arrows.iter().filter(|(from, _)| row[*from] == row_number) {
            written[usize::from(*from < values)].push(*to);
            written[usize::from(*from < values)].dedup();
        }
        written.iter().all(|to| to.iter().all(|other| *other == to[0]))
    })
}

#[test]
fn two_maps_never_drift_exactly_when_they_can_be_written_as_rows() {
    let (mut pairs, mut lawful_pairs) = (0, 0);
    for values in 1..=4 {
        for statuses in 1..=3 {
            for outbound in maps(statuses, values) {
                for inbound in maps(values, statuses) {
                    if !closed(&outbound, &inbound) {
                        continue;
                    }
                    pairs += 1;
                    let law = lawful(&outbound, &inbound);
                    lawful_pairs += u32::from(law);
                    assert_eq!(law, in_rows(&outbound, &inbound), "{outbound:?} {inbound:?}");
                }
            }
        }
    }
    assert!(pairs > 5_000 && lawful_pairs > 200, "{pairs} pairs, {lawful_pairs} of them lawful");
}
