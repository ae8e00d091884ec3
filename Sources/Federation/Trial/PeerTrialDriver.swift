internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore

/// Carries out what one `PeerTrial` asks for: over a connection of its own, and in transactions that are undone.
struct PeerTrialDriver: Sendable {
    /// Where what is known is read, and pages are taken in; without one nothing is known of anybody.
    struct Ground: Sendable {
        var store: SQLiteStore
        var database: String
        /// The store may write: its own transactions are the ones that are undone.
        var isDaemon: Bool
        var intake: Intake
        var check: SignatureCheck
    }

    var ground: Ground?
    var transport: PeerTransport

    /// - Returns: the trial once it is over.
    func run(_ trial: PeerTrial) async -> PeerTrial {
        var trial = trial
        var random = SystemRandom()
        var effect = trial.begin(now: SystemClock.now(), nonce: (random.next(), random.next()))
        while true {
            switch effect {
            case .over: return trial
            case .send(let request, _):
                let (answer, route) = await transport.traced(request)
                effect = trial.answered(answer, route, now: SystemClock.now())
            case .load(let question):
                effect = trial.loaded(await memory(question), now: SystemClock.now())
            case .rehearse(let commit):
                let (result, problem) = await rehearse(commit)
                effect = trial.rehearsed(result, problem: problem, now: SystemClock.now())
            }
        }
    }

    func memory(_ question: PeerQuestion) async -> Result<PeerMemory, StoreFailure> {
        guard let ground else { return .success(PeerMemory()) }
        let check = ground.check
        do throws(StoreFailure) {
            return .success(
                try await ground.store.read { (log) throws(StoreFailure) in
                    try PeerMemory(question, from: log, check: check)
                })
        } catch {
            return .failure(error)
        }
    }

    /// What a rehearsal came to, and the first event of the page that is not applied.
    typealias Rehearsed = (outcome: PageOutcome, problem: (ReplayProblem, code: String)?)

    private func rehearse(
        _ commit: PeerCommit
    ) async -> (Result<PageOutcome, StoreFailure>, (ReplayProblem, code: String)?) {
        guard let ground else { return (.success(PageOutcome()), nil) }
        let intake = ground.intake
        let body: @Sendable (inout SQLiteLog) throws(StoreFailure) -> Rehearsed = { (log) throws(StoreFailure) in
            let outcome = try commit.write(to: &log, intake: intake, now: SystemClock.now())
            return (outcome, try PeerTrialDriver.problem(in: commit.page?.items ?? [], log))
        }
        do throws(StoreFailure) {
            let rehearsed: Rehearsed
            if ground.isDaemon {
                rehearsed = try await ground.store.rehearse(body)
            } else {
                try await room(ground)
                rehearsed = try SQLiteStore.rehearse(at: ground.database, body)
            }
            return (.success(rehearsed.outcome), rehearsed.problem)
        } catch {
            return (.failure(error), nil)
        }
    }

    /// A rehearsal beside the store is not measured by it.
    private func room(_ ground: Ground) async throws(StoreFailure) {
        switch ground.store.room.verdict(on: try await ground.store.disk()) {
        case .enough, .foldFirst: return
        case .quotaReached(let limit): throw .quota(limit: limit)
        case .diskFull: throw .full
        }
    }

    /// The first event that is refused or held, and the code of why.
    private static func problem(
        in items: [PulledItem], _ log: SQLiteLog
    ) throws(StoreFailure) -> (ReplayProblem, code: String)? {
        for item in items {
            switch item {
            case .unreadable(let refusal, _, let id, let subject):
                return (ReplayProblem(reason: refusal.reason, eventID: id, subject: subject), refusal.code)
            case .event(let event, let bytes):
                if let entry = try log.quarantineEntry(hash: sha256(bytes)) {
                    guard entry.kind == .refused else { continue }
                    let problem = ReplayProblem(reason: entry.reason, eventID: entry.eventID, subject: entry.subject)
                    return (problem, entry.code)
                }
                guard let hold = try log.event(event.id)?.hold else { continue }
                return (ReplayProblem(reason: hold.reason, eventID: event.id.description, subject: event.subject), hold.code)
            }
        }
        return nil
    }
}

extension TrialFault {
    /// Why events that a peer gave before are not applied; `nil` where all are.
    init?(aside peer: String, in log: any LogReading) throws(StoreFailure) {
        let standing = try PeerStanding(of: peer, in: log)
        guard let problem = standing.problem else { return nil }
        var code = problem.reason.rawValue
        if let held = try log.heldEvents(peer: peer, after: nil, limit: 1).first?.hold {
            code = held.code
        } else if let row = try log.quarantine(kind: .refused, peer: peer, limit: 1).first {
            code = row.code
        }
        self = .aside(problem, code: code, held: standing.held, refused: standing.refused)
    }

    /// Whose the event is whose code that is.
    static func asideOrigin(of peer: String, in log: any LogReading) throws(StoreFailure) -> String? {
        if let held = try log.heldEvents(peer: peer, after: nil, limit: 1).first { return held.event.origin }
        guard let row = try log.quarantine(kind: .refused, peer: peer, limit: 1).first else { return nil }
        return (try? JSON(row.bytes))?["origin"]?.string
    }
}
