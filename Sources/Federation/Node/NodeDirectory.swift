internal import FederationCore
internal import Glibc

/// What stands in a data directory.
package struct NodeDirectory: Hashable, Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var database: String { path + "/federation.db" }
    /// The Ed25519 seed that `init` made, mode 0600.
    package var signingKey: String { path + "/signing.key" }

    /// The seed of an identity that `identity new` gave: named after it, so that the database's word who this node is
    /// chooses the key as well.
    func signingKey(of identity: ULID) -> String { "\(path)/signing-\(identity).key" }

    /// The key file of the identity that the database names.
    func currentSigningKey(of identity: ULID) -> String {
        let own = signingKey(of: identity)
        return access(own, F_OK) == 0 ? own : signingKey
    }
    /// Through which commands reach a running daemon.
    package var controlSocket: String { path + "/control.sock" }

    package var hasDatabase: Bool { access(database, F_OK) == 0 }
    /// Why nobody can say whether there is a database, if so: whoever may not enter the directory sees none.
    var hidesDatabase: Int32? {
        guard access(database, F_OK) != 0 else { return nil }
        let code = errno
        return code == EACCES ? code : nil
    }

    package var hasControlSocket: Bool { access(controlSocket, F_OK) == 0 }

    /// Calls `body` with a path of the control socket that fits a socket address: a long one is reached through the
    /// open directory.
    func withControlSocketPath<Value>(_ body: (String) async throws -> Value) async rethrows -> Value {
        guard controlSocket.utf8.count > 107 else { return try await body(controlSocket) }
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if directory >= 0 { close(directory) } }
        return try await body("/proc/self/fd/\(directory)/control.sock")
    }
}
