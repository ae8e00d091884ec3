// Forgetting the peer's pin and cursor.
extension PollMachine {
    /// A commit in hand comes before the forgetting: the store does one after the other, in the order asked for.
    mutating func reset(_ ticket: PollTicket, _ now: Moment) -> [Effect] {
        var effects = dropFollowUp()
        switch state {
        case .stopped: return [.report(PollReport(peer: peer.name, result: .stopped), to: [ticket])]
        case .forgetting(let id, let deadline, let waiting):
            state = .forgetting(id, deadline: deadline, tickets: waiting + [ticket])
            return []
        case .polling(var poll):
            effects += poll.cancelAll()
            tickets = poll.tickets + tickets
        case .idle, .waiting, .paused: break
        }
        let id = nextRequest()
        state = .forgetting(id, deadline: now.instant.advanced(by: policy.stall), tickets: [ticket])
        var commit = PeerCommit(peer: peer.name, wireNamespace: peer.wireNamespace)
        commit.forgets = true
        return effects + [.commit(id, commit)]
    }

    mutating func forgotten(
        _ waiting: [PollTicket], failure: StoreFailure?, _ now: Moment, after effects: [Effect]
    ) -> [Effect] {
        var result = PollReport.Result.incomplete
        if let failure {
            result = .failed(.store(failure))
        } else {
            forgetFailures()
            hasSucceeded = false
            wire = nil
            lag = nil
            rescan = RescanSchedule()
            following = LiveFollow()
            reconcile = ReconcileSchedule()
            holes = HoleSchedule()
            if !comparisonTickets.isEmpty { reconcile.demand() }
        }
        state = peer.mode == .paused ? .paused : .idle(until: now.instant)
        return effects + [.report(PollReport(peer: peer.name, result: result), to: waiting)]
    }
}
