"""The full screen: reads the store through its views and the event tail, acts through `service`, owns no state."""
