internal import FederationCore
internal import FederationStore

/// Which of two keys is an origin's: what no program can know.
extension CommandService {
    func trustKey(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let name = try arguments.required("origin")
        let key = try arguments.required("key")
        let frozen: [FrozenOrigin]
        do throws(StoreFailure) {
            frozen = try await node.store.read { (log) throws(StoreFailure) in try FrozenOrigin.all(in: log) }
        } catch {
            throw CommandFailure(error)
        }
        guard let origin = ULID(name), let found = frozen.first(where: { $0.origin == origin }) else {
            throw CommandFailure(.unknownOrigin, ["origin": name, "case": "frozen"], list: frozen.map(\.origin.description))
        }
        guard let chosen = PublicKey(key), found.candidates.contains(chosen) else {
            throw CommandFailure(.unknownVersion, ["id": name, "version": key], list: found.candidates.map(\.text))
        }
        let now = SystemClock.now()
        let isDryRun = arguments["dry_run"]?.bool ?? false
        let (isDone, events) = try await node.write(isDryRun: isDryRun) {
            (log: inout SQLiteLog, _) throws(StoreFailure) in
            let events = try log.origins().first { $0.origin.isExactly(name) }?.events ?? 0
            return (try FrozenOrigin.choose(chosen, of: origin, now: now, in: &log), events)
        }
        if !isDryRun { node.bell.ring() }
        return jsonObject {
            if isDryRun { $0.member("dry_run", true) }
            $0.member("origin", name)
            $0.member("key", chosen.text)
            $0.member("chosen", isDone)
            $0.member("events", events)
        }
    }
}
