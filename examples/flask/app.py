from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def index():
    return "Hello from Flask"


@app.post("/upload")
def upload():
    return str(len(request.files["file"].read()))
