internal import FederationConfig
internal import FederationCore

/// What polls came to over time.
extension CommandService {
    /// Of the peer that is named, or of all that are configured.
    func history(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let configured = node.config.peers.map(\.name)
        let asked = arguments["peer"]?.string
        if let asked, !configured.contains(asked) { throw CommandFailure(.unknownPeer, ["peer": asked], list: configured) }
        let names = asked.map { [$0] } ?? configured
        return try await histories(of: names) { bucket, writer in bucket.writeCounts(to: &writer) }
    }

    /// Of each of these peers its steps, or those that end after a moment.
    ///
    /// - Parameter counts: writes what is told of a step beside when it began and how long it is.
    func histories(
        of names: [String], endingAfter moment: WallTime? = nil, _ counts: (PollBucket, inout JSONWriter) -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        let found = try await read { (log) throws(StoreFailure) -> [(String, [PollBucket])] in
            var found: [(String, [PollBucket])] = []
            for name in names {
                let buckets = try PollHistory.buckets(of: name, in: log)
                found.append((name, moment.map { moment in buckets.filter { $0.end > moment } } ?? buckets))
            }
            return found
        }
        return jsonObject { writer in
            writer.key("peers")
            writer.array { writer in
                for (name, buckets) in found {
                    writer.object { writer in
                        writer.member("name", name)
                        writer.key("history")
                        writer.array { writer in
                            for bucket in buckets {
                                writer.object {
                                    $0.member("from", bucket.time.rfc3339)
                                    $0.member("seconds", bucket.width.seconds)
                                    counts(bucket, &$0)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
