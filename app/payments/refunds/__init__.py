"""Money on its way back: asked for, agreed, sent, arrived.

`requesting` and `deciding` are what people do, `promising` holds the money, `sending` brings it to the channel,
`settling` takes the channel's word. Locks in the written order: bill, payment attempt, refund.
"""
