/// The manual page of the keys, as Markdown. Made of the rows alone, so it cannot say anything else than the program does.
extension SettingTable {
    /// - Parameter title: of the program's part of the page.
    public func manual(_ title: String) -> String {
        var text = "## \(title)\n"
        for section in sections { text += manual(section) }
        text += Self.table("\(title): refused", ["Key", "Only value", "Why"], all.compactMap(refused))
        text += Self.table("\(title): known, without effect", ["Keys", "Why"], withoutEffect)
        return text
    }

    private func manual(_ section: Section) -> String {
        Self.table(
            section.title, ["Key", "Default", "Allowed", "A change takes effect", "Meaning"],
            section.settings.filter { $0.status.isHonoured }.map { setting in
                let unit = setting.unit.isEmpty ? "" : " \(setting.unit)"
                let former = setting.oldName.map { " Up to release 4.5.1 `\($0)`." } ?? ""
                return ["`\(setting.key)`", standard(setting), setting.allowed + unit, setting.takesEffect.rawValue, setting.summary + former]
            })
    }

    private func standard(_ setting: Setting<Root>) -> String {
        if let words = setting.defaultInWords { return words }
        guard let value = setting.text(in: defaults), !value.isEmpty else { return "empty" }
        return "`\(value)`"
    }

    private func refused(_ setting: Setting<Root>) -> [String]? {
        guard case .refused(let reason) = setting.status else { return nil }
        return ["`\(setting.key)`", standard(setting), reason]
    }

    /// Keys of one reason stand in one line.
    private var withoutEffect: [[String]] {
        var lines: [(reason: String, keys: [String])] = []
        for setting in all {
            guard case .withoutEffect(let reason, _) = setting.status else { continue }
            let key = "`\(setting.key)`"
            if let index = lines.firstIndex(where: { $0.reason.isExactly(reason) }) { lines[index].keys.append(key) } else { lines.append((reason, [key])) }
        }
        return lines.map { [$0.keys.joined(separator: ", "), $0.reason] }
    }

    private static func table(_ title: String, _ columns: [String], _ rows: [[String]]) -> String {
        guard !rows.isEmpty else { return "" }
        let lines = [columns, columns.map { _ in "---" }] + rows
        return "\n### \(title)\n\n" + lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    }
}
