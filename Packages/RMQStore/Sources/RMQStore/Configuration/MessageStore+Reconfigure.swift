/// Changes of the configuration while the store runs.
extension MessageStore {
    /// As it is now. What ``configuration`` says is how the store was opened.
    public var currentConfiguration: StoreConfiguration { settings.current }

    /// How long an append waits for the disk under synchronous flush, as it is now. One load.
    public var syncFlushTimeout: Duration { settings.syncFlushTimeout }

    /// Takes over what may change while a store runs, which the rows of ``StoreConfiguration`` say; the rest stays as it was opened.
    ///
    /// The threads that it concerns are woken. Appends and reads that begin later go by it.
    /// - Throws: when the configuration is none that a store could be opened with; nothing is changed.
    public func reconfigure(_ changed: StoreConfiguration) throws(StoreError) {
        try changed.validate()
        settings.adopt(changed)
        flusher.reconsider()
        retention.request(byHand: false)
        schedule.reconsider()
    }
}
