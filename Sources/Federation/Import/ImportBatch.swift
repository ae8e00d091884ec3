internal import FederationCore
internal import FederationStore

/// One batch of an import as it goes to whoever holds the database, and what comes back.
enum ImportBatch {
    enum Kind: String { case events, traces, files, known }

    /// One item of a batch, encoded, with what it is called in the report.
    struct Item {
        var label: ImportLabel
        var json: [UInt8]
    }

    static func json(_ kind: Kind, _ facts: [String: String], _ items: [Item]) -> [UInt8] {
        jsonObject { writer in
            writer.member("kind", kind.rawValue)
            for (key, value) in facts.sorted(by: { $0.key < $1.key }) { writer.member(key, value) }
            writer.key("items")
            writer.array { for item in items { $0.raw(item.json) } }
        }
    }
}

/// What an item of an import is called.
struct ImportLabel: Hashable, Sendable {
    /// The path of a file, or nothing.
    var path = ""
    /// The id of an event as far as it could be read, or nothing.
    var event = ""
    /// The place of a row in its table, for a row without an id.
    var row: Int64 = 0
}

extension ImportDesk {
    /// Takes one batch.
    ///
    /// - Throws: `badRequest` for what `ImportBatch.json` does not write.
    func take(_ arguments: JSON) async throws(CommandFailure) -> Answer {
        guard let kind = ImportBatch.Kind(rawValue: try arguments.required("kind")) else { throw CommandFailure(.badRequest) }
        let items = arguments["items"]?.array ?? []
        do throws(StoreFailure) {
            switch kind {
            case .events:
                let events = items.compactMap { $0.string.map { PulledItem(json: Array($0.utf8)) } }
                return .tally(try await self.events(events, from: "import:" + (arguments["source"]?.string ?? "")))
            case .traces:
                let traces = items.compactMap { item -> (place: TraceFile.Place, name: String, text: String)? in
                    guard let place = TraceFile.Place(rawValue: item["place"]?.string ?? ""),
                        let name = item["name"]?.string, let text = item["text"]?.string
                    else { return nil }
                    return (place, name, text)
                }
                return .tally(try await self.traces(traces))
            case .files:
                let files = items.compactMap { item -> (path: String, text: String)? in
                    guard let path = item["path"]?.string, let text = item["text"]?.string else { return nil }
                    return (path, text)
                }
                return .tally(try await self.files(files, tree: arguments["tree"]?.string ?? ""))
            case .known: return .paths(try await known(tree: arguments["tree"]?.string ?? ""))
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    enum Answer: Sendable {
        case tally(Tally)
        case paths([String])

        var json: [UInt8] {
            jsonObject { writer in
                switch self {
                case .paths(let paths): writer.member("paths", paths)
                case .tally(let tally):
                    writer.key("counts")
                    writer.object { for (word, count) in tally.counts.sorted(by: { $0.key < $1.key }) { $0.member(word, count) } }
                    writer.member("found_own_future", tally.foundOwnFuture)
                    writer.key("written")
                    writer.array { writer in
                        for (item, subject, words) in tally.written {
                            writer.object {
                                $0.member("item", item)
                                $0.member("id", subject)
                                $0.member("did", words)
                            }
                        }
                    }
                    writer.key("problems")
                    writer.array { writer in
                        for (item, problem) in tally.problems {
                            writer.object {
                                $0.member("item", item)
                                $0.member("code", problem.code)
                            }
                        }
                    }
                }
            }
        }
    }
}

extension ImportProblem {
    /// The word that names it in JSON.
    var code: String {
        switch self {
        case .unreadable(let code), .event(let code): code
        case .refused(let refusal):
            switch CommandFailure(refusal, subject: "") {
            case let failure where failure.code == .writeRefused: failure.facts["why"] ?? failure.code.rawValue
            case let failure: failure.code.rawValue
            }
        case .eventsHeld: "events_held"
        case .fileOlder: "file_older"
        case .fileUndated: "file_undated"
        case .diverged: CommandFailure.Code.diverged.rawValue
        case .incomplete: "incomplete"
        case .sourceLocked: CommandFailure.Code.sourceLocked.rawValue
        case .lifecycleDiffers: "lifecycle_differs"
        case .purged: CommandFailure.Code.purged.rawValue
        }
    }
}

extension CommandService {
    /// One batch of an import that another process reads.
    func importBatch(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        if let stopped = node.stopped { throw stopped.failure }
        let answer = try await node.importDesk.take(arguments)
        if case .tally(let tally) = answer, tally.foundOwnFuture { node.stop(.behind) }
        return answer.json
    }
}

extension Node {
    var importDesk: ImportDesk { ImportDesk(store: store, intake: intake, writer: opened.writer) }
}
