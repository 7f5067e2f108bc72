//! One side pushes, the other pops: the main loop must pop exactly the values that the handler
//! pushes, and the reverse.

use crate::sweep::{Scene, When};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use vvp_core::queue::{
    Consumer, FanIn, FanInConsumer, Mpsc, MpscConsumer, MpscProducer, Pop, Producer, Push, SequencedConsumer,
    SequencedProducer, SequencedSpsc, Spsc,
};

/// A structure that can be reset.
pub trait New {
    /// The initial, empty value.
    const NEW: Self;
}

/// A structure in a static that is reset for each run, so that all runs of a state start equal.
pub struct Place<Q>(UnsafeCell<Q>);

// SAFETY: used by the main loop and a handler, which get at it as `renew` says.
unsafe impl<Q: Sync> Sync for Place<Q> {}

impl<Q: New> Place<Q> {
    /// Creates it with the empty value.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Q::NEW))
    }

    /// Resets the structure and returns it, empty.
    ///
    /// # Safety
    /// No borrow of the previous queue exists, and no handler runs.
    pub unsafe fn renew(&'static self) -> &'static Q {
        // SAFETY: the caller's.
        unsafe { *self.0.get() = Q::NEW };
        // SAFETY: from here on it is only shared.
        unsafe { &*self.0.get() }
    }
}

/// A sequence of values.
pub struct Values {
    values: [u64; 16],
    len: usize,
}

impl Values {
    /// Creates an empty sequence.
    pub const NONE: Self = Self { values: [0; 16], len: 0 };

    /// Appends a value. Values beyond the capacity are only counted, and detected by `are`.
    #[inline(always)]
    pub fn add(&mut self, value: u64) {
        if let Some(place) = self.values.get_mut(self.len) {
            *place = value;
        }
        self.len += 1;
    }

    /// Returns the number of values.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns all values.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.values.iter().take(self.len).copied()
    }
}

/// A queue of 4 values, in one lane or several.
pub trait Queue: New + 'static {
    /// The producer endpoint.
    type Tx: 'static;
    /// The consumer endpoint.
    type Rx: Pop<Item = u64> + 'static;
    /// Number of lanes, each FIFO.
    const LANES: usize;

    /// Claims both endpoints.
    fn ends(&'static self) -> Option<(Self::Tx, Self::Rx)>;
    /// Returns the number of queued values.
    fn depth(&'static self) -> usize;
    /// Returns the producer of a lane.
    fn lane(tx: &mut Self::Tx, lane: usize) -> &mut impl Push<Item = u64>;
}

macro_rules! queue {
    ($queue:ty, $tx:ty, $rx:ty) => {
        impl New for $queue {
            const NEW: Self = Self::new();
        }
        impl Queue for $queue {
            type Tx = $tx;
            type Rx = $rx;
            const LANES: usize = 1;
            fn ends(&'static self) -> Option<(Self::Tx, Self::Rx)> {
                Option::from(self.producer()).zip(self.consumer())
            }
            fn depth(&'static self) -> usize {
                self.len()
            }
            fn lane(tx: &mut Self::Tx, _: usize) -> &mut impl Push<Item = u64> {
                tx
            }
        }
    };
}
queue!(Spsc<u64, 4>, Producer<'static, u64, 4>, Consumer<'static, u64, 4>);
queue!(SequencedSpsc<u64, 4>, SequencedProducer<'static, u64, 4>, SequencedConsumer<'static, u64, 4>);
queue!(Mpsc<u64, 4>, MpscProducer<'static, u64, 4>, MpscConsumer<'static, u64, 4>);

impl New for FanIn<u64, 4, 2> {
    const NEW: Self = Self::new();
}

impl Queue for FanIn<u64, 4, 2> {
    type Tx = [Producer<'static, u64, 4>; 2];
    type Rx = FanInConsumer<'static, u64, 4, 2>;
    const LANES: usize = 2;
    fn ends(&'static self) -> Option<(Self::Tx, Self::Rx)> {
        Some(([self.producer()?, self.producer()?], self.consumer()?))
    }
    fn depth(&'static self) -> usize {
        self.len()
    }
    fn lane(tx: &mut Self::Tx, lane: usize) -> &mut impl Push<Item = u64> {
        &mut tx[lane % 2]
    }
}

/// Returns value `number` (from 1) of a lane.
const fn value(lane: usize, number: usize) -> u64 {
    (lane as u64) << 32 | number as u64
}

/// The initial state of a run.
#[derive(Clone, Copy)]
struct State {
    /// Values that have passed through each lane: the position of its indices.
    before: usize,
    /// Values in each lane.
    fill: usize,
    /// Whether the endpoints have loaded the indices that show them.
    refreshed: bool,
    /// Whether the consumer has found the queue empty after a stream.
    dry: bool,
    /// Values that the handler pushes to, or pops from, each lane.
    count: usize,
}

impl State {
    const ALL: usize = 4 * 5 * 2 * 2 * 3;

    const fn new(mut state: usize) -> Self {
        let before = state % 4;
        state /= 4;
        let fill = state % 5;
        state /= 5;
        let refreshed = state % 2 == 1;
        state /= 2;
        let dry = state % 2 == 1;
        state /= 2;
        let count = [1, 2, 5][state % 3];
        Self { before: if dry { before + 4 } else { before }, fill, refreshed, dry, count }
    }

    /// Creates a queue in this state and returns its endpoints.
    fn prepare<Q: Queue>(self, queue: &'static Q) -> Option<(Q::Tx, Q::Rx)> {
        let (mut tx, mut rx) = queue.ends()?;
        for _ in 0..self.before {
            for lane in 0..Q::LANES {
                Q::lane(&mut tx, lane).push(u64::MAX).ok()?;
            }
            for _ in 0..Q::LANES {
                rx.pop().ok()?;
            }
        }
        if self.dry {
            rx.pop().err()?;
        }
        for number in 1..=self.fill {
            for lane in 0..Q::LANES {
                // The last one is refused: then the producer knows that there is no room.
                let _ = Q::lane(&mut tx, lane).push(value(lane, number));
            }
        }
        if self.refreshed {
            // An empty slice takes no value, but the pop checks the queue if it knows of none.
            rx.pop_slice(&mut []);
            for lane in 0..Q::LANES {
                Q::lane(&mut tx, lane).push_slice(&[]);
            }
        }
        Some((tx, rx))
    }

    /// Returns whether `taken` has the values of each lane in order, `pushed` of each.
    fn right<Q: Queue>(taken: &Values, pushed: [usize; 2]) -> bool {
        let mut next = [1, 1];
        for found in taken.iter() {
            let lane = (found >> 32) as usize;
            if lane >= Q::LANES || found != value(lane, next[lane]) {
                return false;
            }
            next[lane] += 1;
        }
        taken.len() == pushed.iter().sum() && (0..Q::LANES).all(|lane| next[lane] == pushed[lane] + 1)
    }
}

/// How the main loop pops and pushes: one by one.
pub struct One;
/// Peeks, then pops.
pub struct Peek;
/// Three at a time.
pub struct Some3;
/// Two in place.
pub struct Grant;
/// All.
pub struct Drain;
/// Two, published together.
pub struct Staged;

/// A way to pop values.
pub trait Take<Q: Queue> {
    /// Pops some values with one operation.
    fn take(rx: &mut Q::Rx, taken: &mut Values);
}

impl<Q: Queue> Take<Q> for One {
    #[inline(always)]
    fn take(rx: &mut Q::Rx, taken: &mut Values) {
        if let Ok(value) = rx.pop() {
            taken.add(value);
        }
    }
}

impl<Q: Queue> Take<Q> for Some3 {
    #[inline(always)]
    fn take(rx: &mut Q::Rx, taken: &mut Values) {
        let room = taken.values.first_chunk_mut::<3>();
        if let Some(room) = room {
            taken.len = rx.pop_slice(room);
        }
    }
}

impl Take<Spsc<u64, 4>> for Grant {
    #[inline(always)]
    fn take(rx: &mut Consumer<'static, u64, 4>, taken: &mut Values) {
        let grant = rx.read_up_to(2);
        for value in &grant {
            taken.add(*value);
        }
        grant.release();
    }
}

macro_rules! peek_and_drain {
    ($queue:ty) => {
        impl Take<$queue> for Peek {
            #[inline(always)]
            fn take(rx: &mut <$queue as Queue>::Rx, taken: &mut Values) {
                // The pop must return the value that was peeked.
                if let Some(seen) = peek(rx) {
                    taken.add(if rx.pop() == Ok(seen) { seen } else { u64::MAX });
                }
            }
        }
        impl Take<$queue> for Drain {
            #[inline(always)]
            fn take(rx: &mut <$queue as Queue>::Rx, taken: &mut Values) {
                for value in rx.drain() {
                    taken.add(value);
                }
            }
        }
    };
}
peek_and_drain!(Spsc<u64, 4>);
peek_and_drain!(SequencedSpsc<u64, 4>);
peek_and_drain!(FanIn<u64, 4, 2>);

/// Access to the next value without removing it.
trait PeekNext {
    fn peeked(&mut self) -> Option<u64>;
}

impl PeekNext for Consumer<'_, u64, 4> {
    #[inline(always)]
    fn peeked(&mut self) -> Option<u64> {
        self.peek().copied()
    }
}

impl PeekNext for SequencedConsumer<'_, u64, 4> {
    #[inline(always)]
    fn peeked(&mut self) -> Option<u64> {
        self.peek().copied()
    }
}

impl PeekNext for FanInConsumer<'_, u64, 4, 2> {
    #[inline(always)]
    fn peeked(&mut self) -> Option<u64> {
        self.peek_with_lane().ok().map(|(_, value)| *value)
    }
}

#[inline(always)]
fn peek(rx: &mut impl PeekNext) -> Option<u64> {
    rx.peeked()
}

/// A way to push values.
pub trait Give<Q: Queue> {
    /// Number of values that it tries to push.
    const COUNT: usize;
    /// Pushes values `first`, `first + 1` and so on of lane 0 with one operation, and returns how
    /// many were accepted.
    fn give(tx: &mut Q::Tx, first: u64) -> usize;
}

impl<Q: Queue> Give<Q> for One {
    const COUNT: usize = 1;
    #[inline(always)]
    fn give(tx: &mut Q::Tx, first: u64) -> usize {
        usize::from(Q::lane(tx, 0).push(first).is_ok())
    }
}

impl<Q: Queue> Give<Q> for Some3 {
    const COUNT: usize = 3;
    #[inline(always)]
    fn give(tx: &mut Q::Tx, first: u64) -> usize {
        Q::lane(tx, 0).push_slice(&[first, first + 1, first + 2])
    }
}

impl Give<Spsc<u64, 4>> for Grant {
    const COUNT: usize = 2;
    #[inline(always)]
    fn give(tx: &mut Producer<'static, u64, 4>, first: u64) -> usize {
        let mut grant = tx.grant_up_to(2);
        let given = grant.push_slice(&[first, first + 1]);
        grant.commit();
        given
    }
}

impl Give<Spsc<u64, 4>> for Staged {
    const COUNT: usize = 2;
    #[inline(always)]
    fn give(tx: &mut Producer<'static, u64, 4>, first: u64) -> usize {
        let given = if tx.stage(first).is_err() { 0 } else { 1 + usize::from(tx.stage(first + 1).is_ok()) };
        tx.publish();
        given
    }
}

/// The main loop pops, the handler pushes.
pub struct Taking<Q, T>(PhantomData<(Q, T)>);

/// The consumer in the main loop.
pub struct Taker<Q: Queue> {
    queue: &'static Q,
    rx: Q::Rx,
    state: State,
    taken: Values,
}

/// The producer in the handler.
pub struct Giver<Q: Queue> {
    tx: Q::Tx,
    state: State,
    /// Values that went in, of each lane.
    given: [usize; 2],
}

impl<Q: Queue, T: Take<Q>> Scene for Taking<Q, T> {
    type Place = Place<Q>;
    type Main = Taker<Q>;
    type Handler = Giver<Q>;
    const STATES: usize = State::ALL;

    fn prepare(place: &'static Place<Q>, state: usize) -> Option<(Taker<Q>, Giver<Q>)> {
        // SAFETY: `check` has dropped both sides of the run before, and the timer is off.
        let queue = unsafe { place.renew() };
        let state = State::new(state);
        let (tx, rx) = state.prepare(queue)?;
        Some((Taker { queue, rx, state, taken: Values::NONE }, Giver { tx, state, given: [0; 2] }))
    }

    #[inline(always)]
    fn act(main: &mut Taker<Q>) {
        T::take(&mut main.rx, &mut main.taken);
    }

    fn interrupt(handler: &mut Giver<Q>) {
        for lane in 0..Q::LANES {
            let end = Q::lane(&mut handler.tx, lane);
            for number in handler.state.fill + 1..=handler.state.fill + handler.state.count {
                if end.push(value(lane, number)).is_err() {
                    break;
                }
                handler.given[lane] += 1;
            }
        }
    }

    fn check(main: Taker<Q>, handler: Giver<Q>, when: When) -> Result<(), &'static str> {
        let (Taker { queue, mut rx, state, mut taken }, Giver { tx, given, .. }) = (main, handler);
        let by_act = taken.len();
        if by_act == 0 && (state.fill > 0 || when == When::Before) {
            return Err("nothing was taken, and something was there");
        }
        if by_act > state.fill * Q::LANES && when == When::After {
            return Err("taken before it was given");
        }
        for lane in 0..Q::LANES {
            let gone = taken.iter().filter(|value| (value >> 32) as usize == lane).count();
            let room = 4 - state.fill + if when == When::Before { 0 } else { gone };
            if given[lane] > state.count.min(room) || given[lane] < state.count.min(4 - state.fill) {
                return Err("more given than there was room for, or less");
            }
            if when == When::After && given[lane] < state.count.min(room) {
                return Err("refused, and there was room");
            }
        }
        let pushed = given.map(|given| state.fill + given);
        if queue.depth() != pushed[..Q::LANES].iter().sum::<usize>() - by_act {
            return Err("the length is wrong");
        }
        while let Ok(value) = rx.pop() {
            taken.add(value);
        }
        drop((tx, rx));
        let pushed = if Q::LANES == 1 { [pushed[0], 0] } else { pushed };
        if State::right::<Q>(&taken, pushed) { Ok(()) } else { Err("values are missing, wrong, or out of order") }
    }
}

/// The main loop gives, the handler takes.
pub struct Giving<Q, G>(PhantomData<(Q, G)>);

/// The producer in the main loop.
pub struct MainGiver<Q: Queue> {
    queue: &'static Q,
    tx: Q::Tx,
    state: State,
    given: usize,
}

/// The consumer in the handler.
pub struct HandlerTaker<Q: Queue> {
    rx: Q::Rx,
    /// Values to take.
    count: usize,
    taken: Values,
}

impl<Q: Queue, G: Give<Q>> Scene for Giving<Q, G> {
    type Place = Place<Q>;
    type Main = MainGiver<Q>;
    type Handler = HandlerTaker<Q>;
    const STATES: usize = State::ALL;

    fn prepare(place: &'static Place<Q>, state: usize) -> Option<(MainGiver<Q>, HandlerTaker<Q>)> {
        // SAFETY: `check` has dropped both sides of the run before, and the timer is off.
        let queue = unsafe { place.renew() };
        let state = State::new(state);
        let (tx, rx) = state.prepare(queue)?;
        let count = state.count * Q::LANES;
        Some((MainGiver { queue, tx, state, given: 0 }, HandlerTaker { rx, count, taken: Values::NONE }))
    }

    #[inline(always)]
    fn act(main: &mut MainGiver<Q>) {
        main.given = G::give(&mut main.tx, main.state.fill as u64 + 1);
    }

    fn interrupt(handler: &mut HandlerTaker<Q>) {
        for _ in 0..handler.count {
            let Ok(value) = handler.rx.pop() else { break };
            handler.taken.add(value);
        }
    }

    fn check(main: MainGiver<Q>, handler: HandlerTaker<Q>, when: When) -> Result<(), &'static str> {
        let (MainGiver { queue, tx, state, given }, HandlerTaker { mut rx, count, mut taken }) = (main, handler);
        let by_handler = taken.len();
        let all = state.fill * Q::LANES + given;
        if by_handler < count.min(state.fill * Q::LANES) || by_handler > count.min(all) {
            return Err("more taken than there was, or less");
        }
        if when == When::After && by_handler < count.min(all) {
            return Err("nothing was taken, and something was there");
        }
        let gone = taken.iter().filter(|value| value >> 32 == 0).count();
        let room = 4 - state.fill;
        if given < G::COUNT.min(room)
            || given > G::COUNT.min(room + gone)
            || when == When::Before && given < G::COUNT.min(room + gone)
        {
            return Err("more given than there was room for, or less");
        }
        if queue.depth() != all - by_handler {
            return Err("the length is wrong");
        }
        while let Ok(value) = rx.pop() {
            taken.add(value);
        }
        drop((tx, rx));
        let pushed = [state.fill + given, if Q::LANES == 1 { 0 } else { state.fill }];
        if State::right::<Q>(&taken, pushed) { Ok(()) } else { Err("values are missing, wrong, or out of order") }
    }
}
