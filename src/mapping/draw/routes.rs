//! The ways the arrows take.
//!
//! An arrow to a value that its row is the first to name goes across. All further arrows to that value come from below:
//! they go to an upright lane in the gap and share it, so that many statuses that become one value are one line that
//! is joined by others, and not a sheaf of slanting ones. Lanes that would run side by side at one height stand apart.

use super::boxes::{Boxed, PORT};
use super::picture::{Arrow, Picture};

/// How far the lane next to the values is from them: the heads have to find room.
const FIRST_LANE: f64 = 34.0;
const LANE: f64 = 13.0;

/// Arrows that end as one.
pub(super) struct Bundle {
    pub(super) arrows: Vec<usize>,
    first: Arrow,
    across: bool,
    /// Which lane it takes, counted from the values; 0 for those that go across.
    lane: usize,
}

impl Bundle {
    pub(super) fn ends_at(&self, column: usize, value: usize) -> bool {
        (self.first.column, self.first.value) == (column, value)
    }
}

/// The way of one arrow, from the person status to the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) from: (f64, f64),
    pub(super) to: (f64, f64),
    /// Where its upright part stands, if it has one.
    pub(super) lane: Option<f64>,
}

/// Which arrows go together: those of one kind to one value.
pub(super) fn bundles(picture: &Picture<'_>) -> Vec<Bundle> {
    let mut bundles: Vec<Bundle> = Vec::new();
    for (index, arrow) in picture.arrows.iter().enumerate() {
        let across = picture.columns[arrow.column].values[arrow.value].first_row == arrow.row;
        // Dashes laid upon each other would look like an unbroken line.
        let alone = across || !(arrow.to_salesforce || arrow.to_engage);
        let joins =
            |bundle: &&mut Bundle| !bundle.across && *arrow == Arrow { row: arrow.row, ..bundle.first };
        match bundles.iter_mut().find(joins) {
            Some(bundle) if !alone => bundle.arrows.push(index),
            _ => bundles.push(Bundle { arrows: vec![index], first: *arrow, across, lane: 0 }),
        }
    }
    bundles
}

/// Gives each bundle that needs one a lane; returns how many lanes the fullest gap has. Values further down take the
/// lanes next to the values, so that the ends of the others pass above them.
pub(super) fn assign_lanes(
    bundles: &mut [Bundle],
    picture: &Picture<'_>,
    people: &[Boxed],
    values: &[Vec<Boxed>],
) -> usize {
    let mut taken: Vec<(usize, usize, f64, f64)> = Vec::new();
    let mut wanting: Vec<&mut Bundle> = bundles.iter_mut().filter(|bundle| !bundle.across).collect();
    wanting.sort_by_key(|bundle| std::cmp::Reverse(bundle.first.value));
    for bundle in wanting {
        let column = bundle.first.column;
        let rows = bundle.arrows.iter().map(|index| &people[picture.arrows[*index].row]);
        let top = values[column][bundle.first.value].y;
        let bottom = rows.map(|person| person.y + person.height).fold(top, f64::max);
        let free = |lane: &usize| {
            let meets = |other: &&(usize, usize, f64, f64)| {
                (other.0, other.1) == (column, *lane) && top < other.3 && other.2 < bottom
            };
            taken.iter().find(meets).is_none()
        };
        bundle.lane = (0..).find(free).unwrap_or(0);
        taken.push((column, bundle.lane, top, bottom));
    }
    taken.iter().map(|(_, lane, ..)| lane + 1).max().unwrap_or(0)
}

/// The room that a gap with so many lanes needs.
pub(super) fn lanes_width(lanes: usize) -> f64 {
    2.0 * FIRST_LANE + 20.0 + lanes as f64 * LANE
}

/// The way of each arrow, in the order of the picture's.
pub(super) fn routes(
    bundles: &[Bundle],
    picture: &Picture<'_>,
    people: &[Boxed],
    values: &[Vec<Boxed>],
) -> Vec<Route> {
    let mut routes = vec![Route { from: (0.0, 0.0), to: (0.0, 0.0), lane: None }; picture.arrows.len()];
    for bundle in bundles {
        let value = &values[bundle.first.column][bundle.first.value];
        let beside = bundles.iter().filter(|other| other.ends_at(bundle.first.column, bundle.first.value));
        // From above: the one that goes across, then those of the lanes further off, which pass over the nearer ones.
        let order = |bundle: &Bundle| (!bundle.across, usize::MAX - bundle.lane);
        let to_y = port(value, beside.map(order), order(bundle));
        for index in &bundle.arrows {
            let arrow = picture.arrows[*index];
            let person = &people[arrow.row];
            let order = |arrow: &Arrow| ordered(values[arrow.column][arrow.value].middle());
            let beside =
                picture.arrows.iter().filter(|other| (other.row, other.column) == (arrow.row, arrow.column));
            let from_y = port(person, beside.map(order), order(&arrow));
            let (from_x, to_x, back) = match person.x < value.x {
                true => (person.x + person.width, value.x, -1.0),
                false => (person.x, value.x + value.width, 1.0),
            };
            let lane = (!bundle.across).then_some(to_x + back * (FIRST_LANE + bundle.lane as f64 * LANE));
            routes[*index] = Route { from: (from_x, from_y), to: (to_x, to_y), lane };
        }
    }
    routes
}

/// A height in thousandths, which can be put in order.
fn ordered(height: f64) -> i64 {
    (height * 1_000.0) as i64
}

/// The height at which an arrow ends at a box: one below the other, in the order of where they come from, so that they
/// do not cross there.
fn port<T: Ord>(at: &Boxed, all: impl Iterator<Item = T>, own: T) -> f64 {
    let (mut count, mut above) = (0, 0);
    for other in all {
        count += 1;
        above += usize::from(other < own);
    }
    at.middle() + (above as f64 - (f64::from(count) - 1.0) / 2.0) * PORT
}
