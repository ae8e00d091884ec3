internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Synchronization

/// Why a directory of notes is not looked at further just now.
enum NoteTrouble: Error, Hashable, Sendable, FailureOfStore {
    case store(StoreFailure)
    case folder(NoteFolderProblem)

    init(_ failure: StoreFailure) { self = .store(failure) }
}

/// Keeps a directory of Markdown notes in step with the records, both ways: carries out what `NoteMirror` says of each, when
/// `NoteSettling` says so.
///
/// An edit and what is remembered of its file are one transaction, so a crash makes no second event of it. A file is
/// written before that is remembered; after a crash between the two it says what its record says, or what a version of it
/// said, and is known by that.
actor NoteFolder: RunningReplayer {
    // A disk may keep its caller waiting for ever.
    private let executor = BlockingExecutor(label: "federation.notes")
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
    nonisolated let entry: Config.Replayer
    let name: String
    let node: Node
    let store: SQLiteStore
    private(set) var directory: NoteDirectory
    let takesEdits: Bool
    var notes: [ExactText: NoteMemory] = [:]
    /// The note of each file name …
    var files: [ExactText: ExactText] = [:]
    /// … and how many there are of each that a file system without case takes for one.
    var folded: [String: Int] = [:]
    /// Files that name a record which is not active here.
    var strays: [ExactText: String] = [:]
    /// Notes whose files are missing.
    var absence = NoteAbsence()
    /// What is remembered and not on disk yet; without a note, what is to be forgotten.
    var unkept: [ExactText: NoteMemory?] = [:]
    var counts = NoteReport()
    var settling = NoteSettling()
    var memory = ReplayerMemory()
    var settled = 0
    private var isLoaded = false
    private var isOpen = false
    var isAtHead = false
    /// There is no place for more notes: the log is followed no further until then.
    var fullUntil: Instant?
    private var pausedUntil: Instant?
    private var backoff = Backoff()
    private var random = SystemRandom()
    private var scanAt: Instant?
    private var watch: NoteWatch?
    private var asked: [(ReplayerChange, CheckedContinuation<Int?, Never>)] = []
    private var hasEnded = false
    private var timer: (wakeAt: Instant, task: Task<Void, Never>)?
    private var news: Task<Void, Never>?
    private nonisolated let isStopping = Mutex(false)
    private nonisolated let told = Mutex<(ReplayerReport, Instant?)?>(nil)
    private nonisolated let heard = Mutex<[NoteWatch.News]>([])
    private let bell: AsyncStream<Void>
    private nonisolated let ring: AsyncStream<Void>.Continuation
    private let clock = ContinuousClock()
    private let epoch: ContinuousClock.Instant

    /// How soon it is noticed that an event which was held is applied: its place in the log is an old one.
    private static let patience = Duration.seconds(2)
    /// How often everything is looked at: what other machines do on a shared disk is not told …
    private static let scanEvery = Duration.seconds(600)
    /// … and nothing is where the system has no watch to give.
    private static let scanUnwatched = Duration.seconds(10)

    init(_ entry: Config.Replayer, _ files: Config.Replayer.Files, node: Node) {
        self.entry = entry
        name = entry.name
        self.node = node
        store = node.store
        takesEdits = files.edits
        directory = NoteDirectory(
            path: ConfigFile.beside(node.opened.file.path, files.directory), owner: "\(node.identity.id) \(entry.name)")
        epoch = clock.now
        (bell, ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Returns once its task is cancelled, and what it has done is on disk.
    func runToEnd() async {
        let loop = Task { await self.loop() }
        await withTaskCancellationHandler { await loop.value } onCancel: {
            isStopping.withLock { $0 = true }
            ring.yield()
        }
    }

    /// As it was when it was last told: a disk that keeps it waiting keeps nobody else.
    nonisolated func report() async -> ReplayerReport {
        guard let (told, pausedUntil) = told.withLock({ $0 }) else {
            var status = ReplayerStatus(stopped: ReplayerMemory())
            status.state = .starting
            var report = ReplayerReport(entry, status)
            report.notes = NoteReport()
            return report
        }
        var report = told
        report.nextIn = pausedUntil.map { max(.zero, $0.since(now)) }
        return report
    }

    func tell() {
        var status = ReplayerStatus(stopped: memory)
        status.state = state
        status.tally.settled = settled
        var report = ReplayerReport(entry, status)
        counts.notes = notes.count
        report.notes = counts
        let (now, until) = (report, pausedUntil)
        told.withLock { $0 = (now, until) }
    }

    private var state: ReplayerStatus.State {
        if hasEnded { return .stopped }
        if pausedUntil != nil { return .waiting }
        return !isOpen ? .starting : fullUntil != nil ? .full : .running
    }

    /// Does what a person asks for, as soon as nothing else is in hand; `nil` where it could not be kept.
    func change(_ change: ReplayerChange) async -> Int? {
        guard !hasEnded else { return nil }
        return await withCheckedContinuation { continuation in
            asked.append((change, continuation))
            ring.yield()
        }
    }

    nonisolated var now: Instant { Instant(epoch.duration(to: clock.now)) }

    nonisolated var mustStop: Bool { isStopping.withLock { $0 } }

    // MARK: Running

    private func loop() async {
        ring.yield()
        for await _ in bell {
            if mustStop { break }
            await answer()
            hear()
            if let until = pausedUntil, until <= now { pausedUntil = nil }
            if pausedUntil == nil { await workOrPause() }
            rearm()
            follow()
            tell()
        }
        hasEnded = true
        tell()
        timer?.task.cancel()
        news?.cancel()
        watch?.stop()
        watch = nil
        try? await flush()
        for (_, continuation) in asked { continuation.resume(returning: nil) }
        asked = []
    }

    private func workOrPause() async {
        // A copy of a database writes nothing until a person has chosen.
        guard node.stopped == nil else {
            pausedUntil = now.advanced(by: NoteFolder.scanUnwatched)
            return
        }
        do throws(NoteTrouble) {
            try await work()
            backoff.reset()
            if absence.isTooMany, counts.folder != .manyMissing {
                node.logger.warning("many notes are missing at once: none is deleted", ["replayer": name])
            }
            counts.folder = absence.isTooMany ? .manyMissing : fullUntil != nil ? .tooMany : nil
        } catch {
            pausedUntil = now.advanced(
                by: backoff.next(
                    interval: Limits.replayerFirstWait / 2, longest: Limits.replayerLongestWait, using: &random))
            settling.lost(at: now)
            switch error {
            case .store(let failure):
                node.logger.warning("notes could not be kept in step", ["replayer": name, "store": "\(failure)"])
            case .folder(let problem):
                if counts.folder != problem {
                    node.logger.warning("a directory of notes cannot be used", ["replayer": name, "why": problem.code])
                }
                counts.folder = problem
                close()
            }
        }
    }

    private func work() async throws(NoteTrouble) {
        try await opened()
        if let at = scanAt, at <= now { lookAtAllSoon() }
        for due in settling.due(at: now) {
            if mustStop { return }
            try await look(due.name, evenIfOpen: due.isOpen)
        }
        if settling.takesEverything(at: now) {
            let begun = now
            try await lookAtAll()
            let pause = watch == nil ? NoteFolder.scanUnwatched : NoteFolder.scanEvery
            scanAt = now.advanced(by: max(pause, now.since(begun) * 50))
        }
        for subject in absence.deleted(of: notes.count, at: now) {
            if mustStop { return }
            try await reconcile(subject.text, isSure: true)
        }
        try await takeLog()
        try await flush()
    }

    private func rearm() {
        var moments = [settling.wakeAt, pausedUntil, fullUntil, scanAt, absence.wakeAt].compactMap { $0 }
        if let pausedUntil { moments = [pausedUntil] }
        let wakeAt = moments.min()
        guard timer?.wakeAt != wakeAt else { return }
        timer?.task.cancel()
        timer = nil
        guard let wakeAt else { return }
        let deadline = epoch.advanced(by: wakeAt.sinceStart)
        let task = Task {
            guard (try? await clock.sleep(until: deadline, tolerance: nil)) != nil else { return }
            timer = nil
            ring.yield()
        }
        timer = (wakeAt, task)
    }

    /// Waits for the log to grow, while that is all there is to do.
    private func follow() {
        guard isAtHead, pausedUntil == nil, news == nil, !store.commits.isClosed else { return }
        let seen = memory.cursor.position?.seq ?? 0
        news = Task {
            _ = await store.commits.wait(past: seen, atMost: NoteFolder.patience)
            news = nil
            if !Task.isCancelled { ring.yield() }
        }
    }

    // MARK: The directory

    /// The directory is there, and is ours.
    private func opened() async throws(NoteTrouble) {
        if !isLoaded { try await load() }
        let isBeginning = notes.isEmpty && memory.cursor == .start
        if isBeginning, memory.mark.isEmpty { try await chooseMark() }
        do throws(NoteFolderProblem) {
            if isBeginning { try directory.make() } else { try directory.check() }
        } catch { throw .folder(error) }
        guard !isOpen else { return }
        // What happens from here on is told; what happened before is looked for.
        watch = NoteWatch(directory.path) { [weak self] in self?.noted($0) }
        if watch == nil { node.logger.warning("a directory of notes is not watched, but looked at", ["replayer": name]) }
        try await putBack()
        isOpen = true
        lookAtAllSoon()
    }

    /// Another one each time that a directory is begun with: an earlier one is not taken for it, nor what lies under a disk.
    private func chooseMark() async throws(NoteTrouble) {
        var next = memory
        next.mark = String(UInt64.random(in: .min ... .max, using: &random), radix: 16)
        let (after, before, name) = (next, memory, name)
        try await store.attempt(evenIfFull: true) { (log: inout SQLiteLog) throws(NoteTrouble) in
            do throws(StoreFailure) { try after.keep(name, before: before, in: &log) } catch { throw .store(error) }
        }
        memory = next
        directory.word = next.mark
    }

    private func lookAtAllSoon() {
        scanAt = nil
        settling.lost(at: now.advanced(by: .zero - NoteSettling.quiet))
    }

    private func close() {
        isOpen = false
        absence.directoryWasGone(at: now)
        isAtHead = false
        watch?.stop()
        watch = nil
    }

    private func load() async throws(NoteTrouble) {
        let name = name
        let (found, memory): ([NoteMemory], ReplayerMemory)
        do throws(StoreFailure) {
            (found, memory) = try await store.read { (log) throws(StoreFailure) in
                (try NoteMemory.all(of: name, in: log), try ReplayerMemory(of: name, in: log))
            }
        } catch { throw .store(error) }
        (notes, files, folded, strays, unkept) = ([:], [:], [:], [:], [:])
        absence = NoteAbsence()
        for note in found { remember(note) }
        unkept = [:]
        self.memory = memory
        directory.word = memory.mark
        isLoaded = true
    }

    /// Takes in what the watch has said.
    private func hear() {
        for news in heard.withLock({ heard in
            defer { heard = [] }
            return heard
        }) {
            switch news {
            case .names(let names): for (name, change) in names { settling.noted(name, change, at: now) }
            case .missed: settling.lost(at: now)
            case .over:
                close()
                settling.lost(at: now)
            }
        }
    }

    private nonisolated func noted(_ news: NoteWatch.News) {
        var news = news
        if case .names(let names) = news {
            let notes = names.filter { NoteName.title(of: $0.name) != nil || NoteName.isConflict($0.name) }
            if notes.isEmpty { return }
            news = .names(notes)
        }
        heard.withLock { heard in
            // Nobody has listened for long.
            if heard.count < 256 { heard.append(news) } else { heard[255] = .missed }
        }
        ring.yield()
    }

    // MARK: What a person asks for

    private func answer() async {
        let questions = asked
        asked = []
        for (change, continuation) in questions { continuation.resume(returning: await done(change)) }
    }

    private func done(_ change: ReplayerChange) async -> Int? {
        pausedUntil = nil
        backoff.reset()
        lookAtAllSoon()
        switch change {
        case .retry(nil): return counts.leftCount
        case .retry, .skip: return 0
        case .rewind:
            let name = name
            do throws(NoteTrouble) {
                try await store.attempt(evenIfFull: true) { (log: inout SQLiteLog) throws(NoteTrouble) in
                    do throws(StoreFailure) { _ = try ReplayerMemory.change(name, .rewind, in: &log) } catch {
                        throw .store(error)
                    }
                }
                close()
                isLoaded = false
                try await load()
                return 1
            } catch { return nil }
        }
    }
}
