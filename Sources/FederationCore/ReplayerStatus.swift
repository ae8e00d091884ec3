/// What came of a replayer's programs since the node began.
package struct ReplayerTally: Hashable, Sendable {
    package var starts = 0
    package var settled = 0
    package var refusals: [ProgramMessage.Refusal.Code: Int] = [:]
    package var faults: [String: Int] = [:]
    package var lastFault: ReplayerFault?
    package var lastFaultAt: WallTime?
    /// Answers to what had been answered.
    package var repeated = 0
    package var storeFailures = 0
    /// What the program calls itself, once it has greeted.
    package var program = ""
    package var version = ""

    package init() {}

    mutating func failed(_ fault: ReplayerFault, at now: WallTime) {
        faults[fault.code, default: 0] += 1
        lastFault = fault
        lastFaultAt = now
    }
}

/// How a replayer stands.
package struct ReplayerStatus: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        /// No program runs: it failed, and the next one is started in a while.
        case waiting
        /// A program was started, and has not greeted.
        case starting
        case running
        /// So many subjects wait behind failures that nothing further is given.
        case full
        case ending
        /// The node does not run it.
        case stopped
    }

    package var state: State
    package var tally: ReplayerTally
    /// How far it has dealt with the log.
    package var position: LogPosition?
    package var inFlight: Int
    package var parked: Int
    package var retrying: Int
    package var nextStart: Instant?
}

extension ReplayerStatus {
    /// Of a replayer that does not run.
    package init(stopped memory: ReplayerMemory) {
        self.init(
            state: .stopped, tally: ReplayerTally(), position: memory.cursor.position, inFlight: 0, parked: memory.parked,
            retrying: memory.lanes.count - memory.parked)
    }
}

extension ReplayerMachine {
    /// It has read the log to its end, this far, and would be told of more.
    package var waitsPast: Int64? { state == .running && feed.isAtHead && !feed.isReading ? feed.seen : nil }

    package var status: ReplayerStatus {
        var next: Instant?
        let word: ReplayerStatus.State
        switch state {
        case .loading, .starting, .greeting: word = .starting
        case .waiting(let until):
            word = tally.starts > 0 ? .waiting : .starting
            next = until
        case .running: word = memory.lanes.count >= Limits.replayerLanes ? .full : .running
        case .ending: word = .ending
        case .stopped: word = .stopped
        }
        return ReplayerStatus(
            state: word, tally: tally, position: memory.cursor.position, inFlight: feed.given.count,
            parked: memory.parked, retrying: memory.lanes.count - memory.parked, nextStart: next)
    }
}
