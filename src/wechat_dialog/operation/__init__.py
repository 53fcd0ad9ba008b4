"""What is made of the reports of turns (`Bot(on_turn=…)`): metrics in `prometheus`, which needs
`pip install "wechat-dialog[prometheus]"`.
"""
