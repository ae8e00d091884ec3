package import FederationCore

extension SQLiteLog {
    package func state(_ key: String) throws(StoreFailure) -> String? {
        try storing { () throws(SQLiteError) in
            try database.connection.first("SELECT value FROM federation_state WHERE key = ?", key) { $0.text(0) }
        }
    }

    package func states(prefix: String) throws(StoreFailure) -> [(key: String, value: String)] {
        try storing { () throws(SQLiteError) in
            var states: [(key: String, value: String)] = []
            try database.connection.scan(
                "SELECT key, value FROM federation_state WHERE key >= ? ORDER BY key", prefix
            ) { row throws(SQLiteError) in
                let key = row.text(0)
                guard key.utf8.starts(with: prefix.utf8) else { return false }
                states.append((key, row.text(1)))
                return true
            }
            return states
        }
    }

    package mutating func setState(_ key: String, _ value: String?) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            if let value {
                try database.connection.run("INSERT OR REPLACE INTO federation_state VALUES (?, ?)", key, value)
            } else {
                try database.connection.run("DELETE FROM federation_state WHERE key = ?", key)
            }
        }
    }

    package func meta(_ key: MetaKey) throws(StoreFailure) -> String? {
        try storing { () throws(SQLiteError) in
            try database.connection.first("SELECT value FROM meta WHERE key = ?", key.rawValue) { $0.text(0) }
        }
    }

    package mutating func setMeta(_ key: MetaKey, _ value: String?) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            if let value {
                try database.connection.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", key.rawValue, value)
            } else {
                try database.connection.run("DELETE FROM meta WHERE key = ?", key.rawValue)
            }
        }
    }

    package func wireValue(_ wire: String, peer: String, key: String) throws(StoreFailure) -> [UInt8]? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT value FROM wire_values WHERE wire = ? AND peer = ? AND key = ?", wire, peer, key
            ) { $0.bytes(0) }
        }
    }

    package func wireValues(_ wire: String, peer: String) throws(StoreFailure) -> [(key: String, value: [UInt8])] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT key, value FROM wire_values WHERE wire = ? AND peer = ? ORDER BY key", wire, peer
            ) { ($0.text(0), $0.bytes(1)) }
        }
    }

    package mutating func setWireValue(
        _ wire: String, peer: String, key: String, _ value: [UInt8]?
    ) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            if let value {
                try database.connection.run(
                    "INSERT OR REPLACE INTO wire_values VALUES (?, ?, ?, ?)", wire, peer, key, value)
            } else {
                try database.connection.run(
                    "DELETE FROM wire_values WHERE wire = ? AND peer = ? AND key = ?", wire, peer, key)
            }
        }
    }
}
