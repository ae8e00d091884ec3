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
        let found = try await read { (log) throws(StoreFailure) -> [(String, [PollBucket])] in
            var found: [(String, [PollBucket])] = []
            for name in names { found.append((name, try PollHistory.buckets(of: name, in: log))) }
            return found
        }
        return jsonObject { writer in
            writer.key("peers")
            writer.array { writer in
                for (name, buckets) in found {
                    writer.object { writer in
                        writer.member("name", name)
                        writer.key("history")
                        writer.array { for bucket in buckets { $0.bucket(bucket) } }
                    }
                }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func bucket(_ bucket: PollBucket) {
        object {
            $0.member("from", bucket.time.rfc3339)
            $0.member("seconds", bucket.width.seconds)
            bucket.writeCounts(to: &$0)
        }
    }
}
