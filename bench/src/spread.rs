//! Exact quantiles: every sample is kept and sorted, nothing is binned.

use std::time::Duration;

/// Samples in ascending order.
#[derive(Clone, Debug, Default)]
pub struct Spread(Vec<Duration>);

impl Spread {
    pub fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        Self(samples)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample that at least the share `q` (0 to 1) of all samples do not exceed (nearest rank); zero when
    /// there are no samples.
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = (q.clamp(0.0, 1.0) * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    pub fn max(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    /// How many samples are longer than `limit`.
    pub fn over(&self, limit: Duration) -> usize {
        self.0.len() - self.0.partition_point(|&sample| sample <= limit)
    }
}

/// The median of a few figures, as [`quantile`].
pub fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

/// Where the share `q` (0 to 1) of a few figures lies below, interpolated between the two nearest; zero when there are
/// none.
pub fn quantile(figures: &[f64], q: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = q.clamp(0.0, 1.0) * sorted.len().saturating_sub(1) as f64;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or_default();
    let (below, above) = (at(place.floor()), at(place.ceil()));
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let spread = Spread::of((1..=100).rev().map(Duration::from_millis).collect());
        for (q, ms) in [(0.0, 1), (0.5, 50), (0.501, 51), (0.99, 99), (0.999, 100), (1.0, 100)] {
            assert_eq!(spread.quantile(q), Duration::from_millis(ms), "{q}");
        }
        assert_eq!(spread.over(Duration::from_millis(98)), 2);
        assert_eq!(Spread::default().quantile(0.99), Duration::ZERO);
    }

    #[test]
    fn medians() {
        for (figures, want) in
            [(&[][..], 0.0), (&[3.0][..], 3.0), (&[9.0, 1.0, 5.0][..], 5.0), (&[4.0, 2.0][..], 3.0)]
        {
            assert_eq!(median(figures), want, "{figures:?}");
        }
        assert_eq!(quantile(&[4.0, 0.0, 1.0, 2.0, 3.0], 0.25), 1.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.75), 1.75);
    }
}
