/// Sockets that a service manager has opened in our place, as its environment names them (`sd_listen_fds(3)`).
package struct SocketHandover: Hashable, Sendable {
    /// What a socket is listened on for: the name that its unit gives it (`FileDescriptorName=`).
    package enum Use: String, Hashable, Sendable, CaseIterable {
        /// Peers in clear, as `listen`.
        case peers
        /// Peers over TLS, as `tls.listen`.
        case tls
        /// Whoever watches the node, as `monitor.listen`.
        case monitor
        /// Whoever looks at it with a browser, as `page.listen`.
        case page
    }

    package enum Failure: Error, Hashable, Sendable {
        /// No number, none at all, or more than anybody needs.
        case count
        /// Not one name for each socket.
        case names
        case unknownName(String)
        case repeatedName(String)
    }

    /// The descriptor of each use.
    package private(set) var descriptors: [Use: Int32] = [:]

    /// The first descriptor that is handed over.
    private static let first: Int32 = 3

    /// What nobody has handed over.
    package init() {}

    /// One socket alone, under any other name or none, is the peers'.
    ///
    /// - Parameters:
    ///   - pid, count, names: `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`. What is meant for another process is passed
    ///     over.
    package init(pid: String?, count: String?, names: String?, ownPID: Int32) throws(Failure) {
        guard let pid, Int32(pid) == ownPID, let count else { return }
        guard let count = Int(count), count > 0, count <= Limits.handedOverSockets else { throw .count }
        let given = names.map { $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init) }
        guard given == nil || given?.count == count else { throw .names }
        for place in 0..<count {
            let name = given?[place] ?? ""
            guard let use = Use(rawValue: name) ?? (count == 1 ? .peers : nil) else { throw .unknownName(name) }
            guard descriptors[use] == nil else { throw .repeatedName(name) }
            descriptors[use] = SocketHandover.first + Int32(place)
        }
    }
}
