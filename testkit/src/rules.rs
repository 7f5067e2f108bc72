//! Coverage: counts how often a run met each case of the contract.

use std::collections::BTreeMap;
use vvp_core::book::{CancelReason, Event, EventBody, EventKind, Reject};

macro_rules! rules {
    ($($name:ident $text:literal,)+) => {
        /// A case of the contract that a command stream can meet.
        ///
        /// Each description begins with the number of its chapter in `docs/matching.md`, whose last
        /// table names the counters of each rule.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[non_exhaustive]
        pub enum Rule { $(#[doc = $text] $name),+ }

        impl Rule {
            /// All cases with their descriptions.
            pub const ALL: &'static [(Rule, &'static str)] = &[$((Rule::$name, $text)),+];
        }
    };
}

rules! {
    R01Price "1  the aggressor goes on at the next price",
    R01Hidden "1  displayed and hidden traded at one price, in this order",
    R01MakerPrice "1  a trade at a price better than the aggressor's limit",
    R02Rest "2  the rest of a limit order that traded rests",
    R02Ioc "2  the rest of an ioc is canceled",
    R03NoLiquidity "3  market order, other side empty",
    R03Protection "3  market order stopped by protect with orders left",
    R03TifMeansIoc "3  a gtc, day or gtd market order did not rest",
    R03ProtectZero "3  protect 0 traded at the best price only",
    R03ProtectSaturates "3  protect held at an end of i64",
    R03ProtectInclusive "3  a trade exactly at the protect bound",
    R04Filled "4  a fok that fills",
    R04Short "4  a fok that is short",
    R04OneShort "4  a fok that is short by one lot",
    R04Exact "4  a fok that takes exactly the available quantity",
    R04Reserve "4  a fok that needs reserves",
    R04Skipped "4  cancel_oldest: the test skips own orders",
    R04OwnDisplayed "4  an own displayed order ends the test",
    R04OwnHidden "4  an own hidden order ends the test",
    R04OwnBeforeReserve "4  reserves ahead of an own displayed order did not count",
    R04Market "4  a fok market order",
    R04Stop "4  a fok stop acts when triggered",
    R05Enough "5  min_qty is there",
    R05Short "5  min_qty is not there",
    R06New "6  post_only refused on entry",
    R06Hidden "6  post_only refused for a hidden order only",
    R06Own "6  post_only refused for an own order",
    R06Replace "6  post_only refused on replace",
    R06Auction "6  post_only crosses in an auction",
    R07Refused "7  display out of bounds",
    R07RefusedReplace "7  replace to more than 1,000 slices",
    R07BelowDisplay "7  replace to less than display",
    R07Refresh "7  a slice is used up and a new one goes to the back",
    R07MetAgain "7  one aggressor meets an iceberg again",
    R07BeforeHidden "7  reserves traded before a hidden order",
    R07LastSlice "7  a last slice smaller than display",
    R07Reduce "7  reduce leaves the slice alone",
    R07ReduceSlice "7  reduce cuts the slice",
    R07Replace "7  a replace in place takes from the reserve",
    R07Decrement "7  a decrement takes from the reserve",
    R07SliceAfterEntry "7  an iceberg traded on entry and rests with a slice",
    R08Buy "8  a buy stop triggered",
    R08Sell "8  a sell stop triggered",
    R08Arrival "8  a stop triggered on arrival",
    R08Replace "8  a stop triggered by its own replace",
    R08Batch "8  one test queues several",
    R08BothSides "8  one test queues buys and sells",
    R08Tie "8  two with one stop price, in entry order",
    R08Cascade "8  a triggered order's trades trigger more",
    R08Behind "8  a later test queues behind waiting stops",
    R08PriceReturned "8  a queued stop goes although the price returned",
    R08Between "8  a price in between did not trigger",
    R08NotContinuous "8  a satisfied stop waits for continuous",
    R08Reference "8  the reference triggers nothing",
    R08ToMarket "8  a stop becomes a market order",
    R08ToLimit "8  a stop_limit becomes a limit order and rests",
    R08AnchorEntry "8  trailing: anchor at entry",
    R08AnchorEntryAuction "8  trailing: anchor at entry outside continuous",
    R08AnchorFirst "8  trailing: anchor at the first tested price",
    R08AnchorMoved "8  trailing: anchor moved",
    R08TrailSaturates "8  trailing: stop held at an end of i64",
    R08Trailing "8  trailing: triggered",
    R08SharedIds "8  an untriggered stop's id is taken",
    R08Cancel "8  cancel of a stop",
    R08Reduce "8  reduce of a stop",
    R08ReplaceKeeps "8  replace of a stop keeps its entry",
    R08ReplaceLoses "8  replace of a stop loses its entry",
    R08ReplaceTrailing "8  replace of a trailing stop: the anchor stays",
    R08StopIoc "8  an ioc stop_limit acts when triggered",
    R09Cancel "9  cancel",
    R09Reduce "9  reduce",
    R09ReduceAll "9  reduce of all of it",
    R10Keeps "10 replace keeps priority (less)",
    R10KeepsSame "10 replace keeps priority (same)",
    R10LosesQty "10 replace loses priority (more)",
    R10LosesPrice "10 replace loses priority (price)",
    R10LosesWhenAsked "10 replace loses priority (lose_priority)",
    R10Trades "10 a replace trades",
    R10Auction "10 replace in an auction rests, crossing",
    R10NoPrice "10 price for an order without one",
    R10NoStop "10 stop for an order without one",
    R10RefusedStays "10 a refused replace of a live order",
    R11Both "11 mass cancel of both sides",
    R11Side "11 mass cancel of one side",
    R11None "11 mass cancel finds nothing",
    R11Stops "11 mass cancel of stops",
    R11Hidden "11 mass cancel of displayed and hidden at one price",
    R12Newest "12 cancel_newest",
    R12Oldest "12 cancel_oldest",
    R12Both "12 cancel_both",
    R12DecMaker "12 decrement: the maker survives",
    R12DecTaker "12 decrement: the aggressor survives",
    R12DecEqual "12 decrement: neither survives",
    R12NoneTrades "12 none: own orders trade",
    R12Uncross "12 own orders trade in the uncross",
    R12MakersModeIgnored "12 only the maker has a mode: they trade",
    R12Triggered "12 a triggered stop is prevented",
    R13Reversed "13 time reversed",
    R13ReversedTime "13 a time command reversed",
    R13Expired "13 a resting gtd expires",
    R13ExpiredStop "13 an untriggered gtd expires",
    R13Tie "13 several with one expiry, in entry order",
    R13TriggeredTie "13 a triggered stop_limit expires after an order that entered before it triggered",
    R13Exactly "13 expiry exactly at the clock",
    R13Instruments "13 expiries of several instruments by one command",
    R13OtherPhase "13 an expiry outside continuous",
    R13Late "13 expires not after the clock on arrival",
    R13RefusedMoves "13 a command refused later expired orders",
    R14AuctionMarket "14 market order refused in an auction",
    R14AuctionIoc "14 ioc or fok refused in an auction",
    R14AuctionStop "14 an ioc or fok stop refused in an auction",
    R14AuctionStopRests "14 a stop accepted in an auction",
    R14AuctionCrossed "14 an order rests crossing in an auction",
    R14HaltedRefused "14 new or replace refused when halted",
    R14HaltedCancel "14 cancel, reduce or mass cancel when halted",
    R14ClosedRefused "14 cancel, reduce or mass cancel refused when closed",
    R14Same "14 a phase that changes nothing",
    R14Day "14 day orders go on closed",
    R14DayStop "14 day stops go on closed",
    R15None "15 no uncross: a side empty or not crossed",
    R15Volume "15 one price with the largest volume",
    R15Imbalance "15 decided by the imbalance",
    R15BuySurplus "15 all have a buy surplus: the highest",
    R15SellSurplus "15 all have a sell surplus: the lowest",
    R15Last "15 nearest to the last trade price",
    R15Reference "15 nearest to the reference",
    R15Highest "15 neither last nor reference: the highest",
    R15EquallyNear "15 of two equally near the higher",
    R15Partial "15 the volume ends inside an order",
    R15Refresh "15 a slice refreshes in the uncross",
    R15Hidden "15 a hidden order trades in the uncross",
    R15MakerSell "15 the maker is the earlier sell order",
    R15MakerBuy "15 the maker is the earlier buy order",
    R15Stops "15 the uncross triggers stops",
    R15Wide "15 a volume beyond u64",
    R16MaxQtyReplace "16 max_qty on replace",
    R16MaxNotionalReplace "16 max_notional on replace",
    R16BlockedReplace "16 blocked on replace",
    R16KeepsTested "16 limits refuse a replace that would keep priority",
    R16NotionalLast "16 notional at the last trade price",
    R16NotionalReference "16 notional at the reference",
    R16NotionalUntested "16 notional of an order without any price is not tested",
    R16OrdersElsewhere "16 orders on other instruments count",
    R16OrdersIoc "16 an ioc or market order is not counted",
    R16ReplaceNotOrders "16 a replace passes when the owner is at max_orders",
    RoomTotal "17 level total overflow refused on new",
    RoomTotalReplace "17 level total overflow refused on replace",
    RoomTotalSelf "17 a replaced order does not count in its level's total",
    RoomFullMarketable "17 a marketable order refused for want of room",
    RoomIocWhenFull "17 ioc or market needs no room",
    RoomReplaceWhenFull "17 replace needs no room in a full book",
    RoomBoth "17 a triggered stop_limit finds neither room nor a total that fits",
    IdReuse "0  an id is used again after its order died",
}

/// Counters of commands, events and cases of the contract.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    rules: BTreeMap<Rule, u64>,
    kinds: BTreeMap<EventKind, u64>,
    rejects: BTreeMap<Reject, u64>,
    cancels: BTreeMap<CancelReason, u64>,
    /// Commands applied.
    pub commands: u64,
}

impl Coverage {
    pub(crate) fn hit(&mut self, rule: Rule) {
        *self.rules.entry(rule).or_default() += 1;
    }

    pub(crate) fn hit_if(&mut self, condition: bool, rule: Rule) {
        if condition {
            self.hit(rule);
        }
    }

    /// Returns how often a case was met.
    #[must_use]
    pub fn hits(&self, rule: Rule) -> u64 {
        self.rules.get(&rule).copied().unwrap_or(0)
    }

    /// Counts an event.
    pub(crate) fn event(&mut self, event: &Event) {
        *self.kinds.entry(event.kind()).or_default() += 1;
        match event.body() {
            EventBody::Rejected { reason, .. } => *self.rejects.entry(reason).or_default() += 1,
            EventBody::Canceled { reason, .. } => *self.cancels.entry(reason).or_default() += 1,
            _ => {}
        }
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Coverage) {
        fn sum<K: Ord + Copy>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
            for (&k, &n) in from {
                *to.entry(k).or_default() += n;
            }
        }
        sum(&mut self.rules, &other.rules);
        sum(&mut self.kinds, &other.kinds);
        sum(&mut self.rejects, &other.rejects);
        sum(&mut self.cancels, &other.cancels);
        self.commands += other.commands;
    }

    /// Returns a table of all counters, and the descriptions of those that are zero.
    #[must_use]
    pub fn report(&self) -> (String, Vec<String>) {
        use std::fmt::Write;
        let mut text = String::new();
        let mut missed = Vec::new();
        let mut line = |n: u64, what: String| {
            let _ = writeln!(text, "{n:>10}  {what}");
            if n == 0 {
                missed.push(what);
            }
        };
        line(self.commands, "commands".into());
        for k in EventKind::ALL {
            line(self.kinds.get(k).copied().unwrap_or(0), format!("event {k}"));
        }
        for r in Reject::ALL {
            line(self.rejects.get(r).copied().unwrap_or(0), format!("rejected {r}"));
        }
        for r in CancelReason::ALL {
            line(self.cancels.get(r).copied().unwrap_or(0), format!("canceled {r}"));
        }
        for &(rule, what) in Rule::ALL {
            line(self.hits(rule), format!("rule {what}"));
        }
        (text, missed)
    }
}
