"""What is made of the reports of turns (`Bot(on_turn=…)`): metrics in `prometheus`, traces in
`opentelemetry`. Each needs the package of its name: `pip install "wechat-dialog[prometheus,otel]"`.
"""
