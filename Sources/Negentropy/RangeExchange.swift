/// Who of the two a session is. Only the initiator opens, learns the differences and finishes (section 1.7).
enum Role {
    case initiator, responder
}

/// What a message made of another, and the differences that showed on the way.
struct Answer {
    /// The message to send; only the version byte when nothing is left to do.
    let message: [UInt8]
    /// Ids that only this side has. Initiator only, as `need`.
    let have: [ItemID]
    /// Ids that only the other side has.
    let need: [ItemID]
    /// The timestamps between which each of `need` lies.
    let places: [ItemID: ClosedRange<UInt64>]
}

/// One message in, one message out (section 1.7). Nothing is kept between messages but a session's role and store.
struct RangeExchange<Store: ItemStore> {
    private let store: Store
    private let settings: ReconcileSettings
    private let hash: HashFunction
    private let role: Role

    private var writer = MessageWriter()
    private var have: [ItemID] = []
    private var need: [ItemID] = []
    private var places: [ItemID: ClosedRange<UInt64>] = [:]
    /// Where the range that is answered begins, as a bound and as a position in the store.
    private var lower = Bound.start
    private var lowerIndex = 0
    private var sums = KnownSums()
    /// Ranges directly before `lower` need no answer; said only if something follows.
    private var hasPendingSkip = false
    /// The last bound that is in the message for good, and the position that belongs to it.
    private var sentBound = Bound.start
    private var sentIndex = 0

    init(store: Store, settings: ReconcileSettings, hash: @escaping HashFunction, role: Role) {
        self.store = store
        self.settings = settings
        self.hash = hash
        self.role = role
    }

    /// The message that starts a session: the whole set, split. At most 1,100 bytes, whatever the frame limit.
    mutating func opening() -> [UInt8] {
        appendSplit(of: 0..<store.count, upTo: .end)
        return writer.bytes
    }

    /// Answers a message whose version byte was checked. All of it is read before anything is computed from it.
    mutating func answer(_ message: [UInt8]) throws(ReconcileFailure) -> Answer {
        try MessageReader.validate(message)
        var reader = MessageReader(message)
        while let range = try reader.next() {
            if answer(range, of: message) == .full { break }
        }
        return Answer(message: writer.bytes, have: have, need: need, places: places)
    }

    private enum Room {
        case left, full
    }

    private mutating func answer(_ range: ReceivedRange, of message: [UInt8]) -> Room {
        let found = range.upper.isEnd ? store.count : store.firstIndex(notBelow: range.upper.floor, from: lowerIndex)
        // Clamped, because a store may be anybody's code.
        let items = lowerIndex..<min(max(found, lowerIndex), store.count)
        let mark = writer.mark

        switch (range.payload, role) {
        case (.skip, _):
            hasPendingSkip = true
        case (.fingerprint(let theirs), _):
            if fingerprint(of: items) == theirs {
                hasPendingSkip = true
            } else {
                appendPendingSkip()
                appendSplit(of: items, upTo: range.upper)
            }
        case (.ids(let count, let offset), .initiator):
            let found = need.count
            compare(items, withIDsOf: message, count: count, offset: offset)
            // Upper bounds ascend, or the message would have been refused.
            let times = lower.floor.timestamp...max(lower.floor.timestamp, range.upper.floor.timestamp)
            for id in need[found...] { places[id] = times }
            hasPendingSkip = true
        case (.ids, .responder):
            return appendList(of: items, upTo: range.upper)
        }

        if isOver(writer.bytes.count) {
            writer.rollBack(to: mark)
            appendRest(after: items.upperBound)
            return .full
        }
        if writer.bytes.count > mark.count { keepSent(range.upper, items.upperBound) }
        lower = range.upper
        lowerIndex = items.upperBound
        return .left
    }

    /// Answers an id list with the own one, as far as the frame allows.
    private mutating func appendList(of items: Range<Int>, upTo upper: Bound) -> Room {
        let fitting = listableIDs()
        appendPendingSkip()
        if items.count > fitting {
            let end = items.lowerBound + fitting
            let bound = Bound(before: store.item(at: end))
            writer.append(store.ids(in: items.lowerBound..<end), upTo: bound)
            keepSent(bound, end)
        } else {
            writer.append(store.ids(in: items), upTo: upper)
            keepSent(upper, items.upperBound)
        }
        lower = sentBound
        lowerIndex = sentIndex
        guard isOver(writer.bytes.count) else { return .left }
        appendRest(after: sentIndex)
        return .full
    }

    private mutating func keepSent(_ bound: Bound, _ index: Int) {
        sentBound = bound
        sentIndex = index
    }

    private mutating func appendPendingSkip() {
        guard hasPendingSkip else { return }
        hasPendingSkip = false
        writer.appendSkip(upTo: lower)
    }

    private mutating func fingerprint(of items: Range<Int>) -> Fingerprint {
        let before = sums.sum(before: items.lowerBound, in: store)
        return Fingerprint(sums.sum(before: items.upperBound, in: store) - before, count: items.count, hash: hash)
    }
}

/// The last two sums that a store was asked for: one range ends where the next begins, and a split has the bounds of the
/// range that it answers.
private struct KnownSums {
    private var last: (index: Int, sum: IDSum) = (0, IDSum())
    private var other: (index: Int, sum: IDSum) = (0, IDSum())

    mutating func sum(before index: Int, in store: some ItemStore) -> IDSum {
        if index != last.index {
            let found = index == other.index ? other.sum : store.sum(before: index)
            other = last
            last = (index, found)
        }
        return last.sum
    }
}

// MARK: - Splitting and comparing

extension RangeExchange {
    private static var buckets: Int { 16 }

    /// Says what a range holds: its ids when they are few, else the fingerprints of 16 parts (section 1.6).
    private mutating func appendSplit(of items: Range<Int>, upTo upper: Bound) {
        guard items.count >= 2 * Self.buckets else {
            writer.append(store.ids(in: items), upTo: upper)
            return
        }
        let size = items.count / Self.buckets
        let longer = items.count % Self.buckets
        var start = items.lowerBound
        var sumBefore = sums.sum(before: start, in: store)
        let sumAtEnd = sums.sum(before: items.upperBound, in: store)
        for bucket in 0..<Self.buckets {
            let end = start + size + (bucket < longer ? 1 : 0)
            let isLast = bucket == Self.buckets - 1
            let sum = isLast ? sumAtEnd : store.sum(before: end)
            let bound = isLast ? upper : Bound(between: store.item(at: end - 1), and: store.item(at: end))
            writer.append(Fingerprint(sum - sumBefore, count: end - start, hash: hash), upTo: bound)
            start = end
            sumBefore = sum
        }
    }

    /// Notes which own ids are not among the listed ones, and the other way round.
    ///
    /// Both lists mostly come in the same order and are mostly equal, so what they have in common at both ends is
    /// passed over; the rest is sorted. No choice of ids makes this slower than sorting them.
    private mutating func compare(_ items: Range<Int>, withIDsOf message: [UInt8], count: Int, offset: Int) {
        var own = store.ids(in: items)[...]
        var theirs = (0..<count).map { ItemID(message, at: offset + $0 * ItemID.length) }[...]
        while let a = own.first, a == theirs.first {
            own.removeFirst()
            theirs.removeFirst()
        }
        while let a = own.last, a == theirs.last {
            own.removeLast()
            theirs.removeLast()
        }
        if own.isEmpty, theirs.isEmpty { return }
        own.sort()
        theirs.sort()
        var left = own.startIndex
        var right = theirs.startIndex
        while left < own.endIndex, right < theirs.endIndex {
            if own[left] < theirs[right] {
                have.append(own[left])
                left += 1
            } else if theirs[right] < own[left] {
                need.append(theirs[right])
                right += 1
            } else {
                // An id may be listed twice, and lie in the range twice, under two timestamps.
                let id = own[left]
                while left < own.endIndex, own[left] == id { left += 1 }
                while right < theirs.endIndex, theirs[right] == id { right += 1 }
            }
        }
        have.append(contentsOf: own[left...])
        need.append(contentsOf: theirs[right...])
    }
}

// MARK: - Frame limits (sections 1.8 and 2)

extension RangeExchange {
    /// What must stay free for a skip, a bound, a header, one id and the range that stands for the rest.
    private static var reserve: Int { 200 }

    private func isOver(_ bytes: Int) -> Bool {
        guard let limit = settings.frameLimit else { return false }
        return bytes > limit - Self.reserve
    }

    /// How many ids may be listed from here on: up to and with the one that crosses the line.
    private func listableIDs() -> Int {
        guard let limit = settings.frameLimit else { return Int.max }
        let free = limit - Self.reserve - writer.bytes.count
        return free < 0 ? 0 : free / ItemID.length + 1
    }

    /// Ends a full message with one range for all that it could not answer.
    ///
    /// The reference describes the items after the range whose answer was dropped, though the receiver takes the range
    /// to begin at the last bound that was sent. When both sides do that, "no items" on one side can meet "no items"
    /// on the other although there are some, and the session ends early. The safe rule describes what the receiver
    /// takes it to, and never sends the fingerprint of nothing: an empty list makes the other side say what it has.
    private mutating func appendRest(after index: Int) {
        switch settings.truncation {
        case .reference:
            writer.append(fingerprint(of: index..<store.count), upTo: .end)
        case .safe:
            // A list that reached the end and the limit at once leaves nothing to say.
            if sentBound.isEnd { return }
            let rest = sentIndex..<store.count
            if rest.isEmpty {
                writer.append([ItemID](), upTo: .end)
            } else {
                writer.append(fingerprint(of: rest), upTo: .end)
            }
        }
    }
}
